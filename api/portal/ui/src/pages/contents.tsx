import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { client, data, type Entity } from "../lib/api";
import { permissionsQuery } from "../lib/entity";
import { newFile } from "../lib/files";
import { ago, moment } from "../lib/format";
import { upload } from "../lib/uploads";
import { Busy, Empty, EntityLink, Failure, Type } from "../parts/basics";
import { Uploader } from "../parts/uploader";
import "./contents.css";

const size = 50;

type Child = { id: string; type: string; label: string; updated_at?: string };
type Page = { rows: Child[]; more: boolean };

// The relationships that lead down: who says so, and by what.
const below: Record<string, { direction: "outgoing" | "incoming"; predicate: string }> = {
  folder: { direction: "outgoing", predicate: "contains" },
  tenant: { direction: "incoming", predicate: "tenant" },
};

// hasContents tells whether things are in entities of a type.
export function hasContents(type: string): boolean {
  return type === "collection" || type in below;
}

async function read(e: Entity, offset: number, type: string | undefined, signal: AbortSignal): Promise<Page> {
  const way = below[e.type];
  if (!way) {
    const got = await data(client.GET("/collections/{id}/entities", { params: { path: { id: e.id }, query: { limit: size, offset, ...(type ? { type } : {}) } }, signal }));
    return { rows: got.entities, more: got.pagination.has_more };
  }
  const got = await data(client.GET("/graph/entity/{id}", { params: { path: { id: e.id }, query: { ...way, limit: size, offset } }, signal }));
  return { rows: got.relationships.map((r) => ({ id: r.peer_id, type: r.peer_type, label: r.peer_label })), more: got.has_more };
}

// Contents is what is in a collection, a folder or a tenant.
export function Contents({ e }: { e: Entity }) {
  const { page = 1, of } = useSearch({ from: "/frame/app/e/$id" });
  const navigate = useNavigate({ from: "/app/e/$id" });
  const queries = useQueryClient();
  const may = useQuery(permissionsQuery(e.id));
  const got = useQuery({ queryKey: ["contents", e.id, page, of], queryFn: ({ signal }) => read(e, (page - 1) * size, of, signal), placeholderData: keepPreviousData });
  const again = () => void queries.invalidateQueries({ queryKey: ["contents", e.id] });
  const isCollection = e.type === "collection";
  const go = (to: { page?: number; of?: string }) => void navigate({ search: (s) => ({ ...s, ...to }) });
  const mayMake = isCollection && may.data?.allowed_actions.includes("entity:create");
  return (
    <section aria-labelledby="contents">
      <h2 id="contents">What is in it</h2>
      {isCollection && (
        <div className="tools">
          {mayMake && (
            <Link to="/app/new/$kind" params={{ kind: "entity" }} search={{ collection: e.id }} className="button">
              New entity here
            </Link>
          )}
          {e.properties.kind === "knowledge_base" && (
            <Link to="/app/knowledge/$id" params={{ id: e.id }}>
              Open it as a knowledge base
            </Link>
          )}
          <label htmlFor="of">Only of type</label>
          <input id="of" key={of} defaultValue={of ?? ""} placeholder="any" onBlur={(ev) => (ev.target.value.trim() || undefined) !== of && go({ of: ev.target.value.trim() || undefined, page: undefined })} onKeyDown={(ev) => ev.key === "Enter" && ev.currentTarget.blur()} />
        </div>
      )}
      {mayMake && <Uploader place={`in ${e.id}`} label="Upload files" hint="Drop files here, any number at once: each becomes an entity of this collection." onFiles={(files) => files.forEach((f) => upload(`in ${e.id}`, f, newFile(f, e.id), again))} />}
      {got.isPending && <Busy what="What is in it" />}
      {got.error && <Failure error={got.error} retry={() => void got.refetch()} />}
      {got.data && got.data.rows.length === 0 && <Nothing of={of} page={page} make={mayMake} onAll={() => go({ of: undefined, page: undefined })} />}
      {got.data && got.data.rows.length > 0 && <List rows={got.data.rows} />}
      {(page > 1 || got.data?.more) && (
        <nav className="tools" aria-label="Pages">
          <button type="button" disabled={page === 1} onClick={() => go({ page: page > 2 ? page - 1 : undefined })}>
            Newer
          </button>
          <span className="faint">Page {page}</span>
          <button type="button" disabled={!got.data?.more} onClick={() => go({ page: page + 1 })}>
            Older
          </button>
        </nav>
      )}
    </section>
  );
}

function Nothing({ of, page, make, onAll }: { of?: string; page: number; make?: boolean; onAll: () => void }) {
  if (of || page > 1)
    return (
      <Empty title={of ? `Nothing here is of type ${of}` : "There is no such page"}>
        <button type="button" onClick={onAll}>
          Show all
        </button>
      </Empty>
    );
  return (
    <Empty title="Nothing yet">
      <p>{make ? "Files that you drop above and entities that you make are listed here, newest first. Who has a role in this collection sees them too." : "What belongs to it is listed here."}</p>
    </Empty>
  );
}

function List({ rows }: { rows: Child[] }) {
  return (
    <ol className="results contents" aria-label="What is in it">
      {rows.map((r) => (
        <li key={r.id}>
          <Type name={r.type} /> <EntityLink id={r.id} label={r.label} />
          {r.updated_at && (
            <time dateTime={r.updated_at} title={moment(r.updated_at)}>
              {ago(r.updated_at)}
            </time>
          )}
        </li>
      ))}
    </ol>
  );
}
