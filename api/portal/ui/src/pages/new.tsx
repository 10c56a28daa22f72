import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useState, type FormEvent } from "react";
import { client, data } from "../lib/api";
import { entityQuery } from "../lib/entity";
import { labelOf } from "../lib/format";
import { session } from "../lib/session";
import { Busy, EntityLink, Failure, Missing, useTitle } from "../parts/basics";
import { emptyRow, readRows, Rows, submitByKeys } from "./fields";

// NewPage makes an entity or a collection by a form.
export function NewPage() {
  const { kind } = useParams({ from: "/frame/app/new/$kind" });
  switch (kind) {
    case "entity":
      return <NewEntity />;
    case "collection":
      return <NewCollection />;
    default:
      return <Missing />;
  }
}

function useMade(make: (form: FormData) => Promise<{ id: string }>) {
  const navigate = useNavigate();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: make,
    onSuccess: async (e) => {
      await Promise.all([queries.invalidateQueries({ queryKey: ["contents"] }), queries.invalidateQueries({ queryKey: ["collections"] })]);
      await navigate({ to: "/app/e/$id", params: { id: e.id } });
    },
  });
}

function NewCollection() {
  useTitle("New collection");
  const tenant = session()?.tenant;
  const make = useMade((f) =>
    data(
      client.POST("/collections", {
        body: {
          label: String(f.get("label")).trim(),
          ...(f.get("description") ? { description: String(f.get("description")) } : {}),
          visibility: f.get("visibility") === "public" ? "public" : "private",
          ...(f.get("tenant") && tenant ? { tenant: tenant.id } : {}),
        },
      }),
    ),
  );
  const submit = (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault();
    make.mutate(new FormData(e.currentTarget));
  };
  return (
    <form onSubmit={submit} onKeyDown={submitByKeys} className="form">
      <h1>New collection</h1>
      <p>A collection holds entities and files, and says who may do what with them. You will own it, and can give others roles in it.</p>
      <p className="field">
        <label htmlFor="label">Name</label>
        <input id="label" name="label" required maxLength={200} autoFocus />
      </p>
      <p className="field">
        <label htmlFor="description">What it is for</label>
        <textarea id="description" name="description" maxLength={2000} rows={3} />
      </p>
      <fieldset>
        <legend>Who may see it</legend>
        <label>
          <input type="radio" name="visibility" value="private" defaultChecked /> Only who has a role in it
        </label>
        <label>
          <input type="radio" name="visibility" value="public" /> Everybody
        </label>
      </fieldset>
      {tenant && (
        <p>
          <label>
            <input type="checkbox" name="tenant" defaultChecked /> It belongs to {tenant.name}: the roles of its people reach into it
          </label>
        </p>
      )}
      {make.error && <Failure error={make.error} />}
      <button disabled={make.isPending}>Make the collection</button>
    </form>
  );
}

const usual = ["document", "note", "person", "place", "event", "letter", "organisation"];

function NewEntity() {
  useTitle("New entity");
  const { collection } = useSearch({ from: "/frame/app/new/$kind" });
  const [rows, setRows] = useState(() => [emptyRow("label")]);
  const [wrong, setWrong] = useState(new Map<number, string>());
  const make = useMade((f) => {
    const into = String(f.get("collection") ?? "");
    return data(client.POST("/entities", { body: { type: String(f.get("type")).trim(), properties: readRows(rows).properties, ...(into ? { collection: into } : {}) } }));
  });
  const submit = (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault();
    const got = readRows(rows);
    setWrong(got.wrong);
    if (got.wrong.size === 0) make.mutate(new FormData(e.currentTarget));
  };
  return (
    <form onSubmit={submit} onKeyDown={submitByKeys} className="form">
      <h1>New entity</h1>
      <p className="field">
        <label htmlFor="type">Type</label>
        <input id="type" name="type" required maxLength={100} list="usual-types" aria-describedby="type-hint" autoFocus />
        <small id="type-hint" className="faint">
          One word for what it is, like letter; queries find it by that
        </small>
        <datalist id="usual-types">
          {usual.map((t) => (
            <option key={t} value={t} />
          ))}
        </datalist>
      </p>
      <Place given={collection} />
      <h2>Properties</h2>
      <p className="faint">The property label is what it is called in lists. Others can be added now or later.</p>
      <Rows rows={rows} wrong={wrong} onRows={setRows} />
      {make.error && <Failure error={make.error} />}
      <button disabled={make.isPending}>Make the entity</button>
    </form>
  );
}

// Place is the collection that something will be in: the given one, or one of the user's.
function Place({ given }: { given?: string }) {
  const user = session()?.user ?? "";
  const there = useQuery({ ...entityQuery(given ?? ""), enabled: Boolean(given) });
  const mine = useQuery({ queryKey: ["collections", user], enabled: !given, queryFn: () => data(client.GET("/users/{id}/collections", { params: { path: { id: user } } })) });
  if (given)
    return (
      <p>
        In <EntityLink id={given} label={there.data && labelOf(there.data)} type="collection" /> <input type="hidden" name="collection" value={given} />
        {there.error && <Failure error={there.error} />}
      </p>
    );
  if (mine.isPending) return <Busy what="Your collections" />;
  if (mine.error) return <Failure error={mine.error} retry={() => void mine.refetch()} />;
  return (
    <p className="field">
      <label htmlFor="collection">Collection</label>
      <select id="collection" name="collection" defaultValue={mine.data.collections[0]?.id ?? ""} aria-describedby="collection-hint">
        {mine.data.collections.map((c) => (
          <option key={c.id} value={c.id}>
            {c.label || c.id}
          </option>
        ))}
        <option value="">none</option>
      </select>
      <small id="collection-hint" className="faint">
        What is in no collection can be seen and changed by everybody.{" "}
        <Link to="/app/new/$kind" params={{ kind: "collection" }}>
          Make a collection
        </Link>
      </small>
    </p>
  );
}
