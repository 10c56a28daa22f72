import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect } from "react";
import { client, data } from "../lib/api";
import { ago, moment, short } from "../lib/format";
import { useNames } from "../lib/names";
import { called } from "../lib/portal";
import { session } from "../lib/session";
import { Busy, Empty, EntityLink, Failure, useTitle } from "../parts/basics";
import { WithTeam } from "../parts/team";
import { said, shows, somebody, type Line } from "./audit/words";
import "./audit.css";

export function AuditPage() {
  useTitle("Audit");
  const { tenant } = useSearch({ from: "/frame/app/audit" });
  return (
    <>
      <h1>Audit</h1>
      {tenant ? (
        <Account of={tenant} />
      ) : (
        <WithTeam>
          {(me) =>
            me.user.role === "owner" ? (
              <Account of={me.tenant.id} name={me.tenant.name} />
            ) : (
              <Empty title="It is for owners">
                <p>Who came into {me.tenant.name} and who was kept out, its owners may read. One of them can make you an owner under Members.</p>
                <Link to="/app/members">Who the owners are</Link>
              </Empty>
            )
          }
        </WithTeam>
      )}
    </>
  );
}

const enough = 30; // entries, before older ones are asked for by themselves

function Account({ of, name }: { of: string; name?: string }) {
  const search = useSearch({ from: "/frame/app/audit" });
  const navigate = useNavigate({ from: "/app/audit" });
  const action = shows[search.show ?? ""]?.actions;
  const pages = useInfiniteQuery({
    queryKey: ["audit", of, action, search.about],
    initialPageParam: undefined as number | undefined,
    queryFn: ({ pageParam }) =>
      data(client.GET("/tenants/{id}/audit", { params: { path: { id: of }, query: { limit: 100, ...(action ? { action } : {}), ...(search.about ? { about: search.about } : {}), ...(pageParam ? { before: pageParam } : {}) } } })),
    getNextPageParam: (last) => last.next_before ?? undefined,
    refetchInterval: (q) => ((q.state.data?.pages.length ?? 0) <= 1 ? 10_000 : false),
  });
  const entries = pages.data?.pages.flatMap((p) => p.entries) ?? [];
  const { hasNextPage, isFetching, fetchNextPage } = pages;
  useEffect(() => {
    if (hasNextPage && !isFetching && entries.length < enough) void fetchNextPage();
  }, [hasNextPage, isFetching, fetchNextPage, entries.length]);
  const members = useQuery({ queryKey: ["members"], enabled: !!name, queryFn: () => data(client.GET("/v1/portal/members")), staleTime: 60_000 });
  const labels = useNames(entries.flatMap(({ entry }) => [entry.principal, entry.by ?? "", entry.target ?? ""]).concat(search.about ?? []));
  const names = new Map([...labels, ...(members.data?.members ?? []).map((m) => [m.id, called(m)] as const)]);
  const filtered = !!action || !!search.about;
  return (
    <>
      <p className="faint">
        Who came into <EntityLink id={of} label={name ?? names.get(of)} />, and who was kept out, some seconds after it happened. The account is a chain of blocks that nobody can change unseen.
      </p>
      <div className="filters choose-entries">
        <p className="field">
          <label htmlFor="show">Show</label>
          <select id="show" value={search.show ?? ""} onChange={(e) => void navigate({ search: (s) => ({ ...s, show: e.target.value || undefined }), replace: true })}>
            <option value="">everything</option>
            {Object.entries(shows).map(([key, s]) => (
              <option key={key} value={key}>
                {s.name}
              </option>
            ))}
          </select>
        </p>
        {search.about && (
          <p className="field">
            Only about <EntityLink id={search.about} label={names.get(search.about) ?? short(search.about)} />{" "}
            <button type="button" className="plain" onClick={() => void navigate({ search: (s) => ({ ...s, about: undefined }), replace: true })}>
              About everybody
            </button>
          </p>
        )}
      </div>
      {pages.isPending && <Busy what="The audit" />}
      {pages.error && <Failure error={pages.error} retry={() => void pages.refetch()} />}
      {pages.data && entries.length === 0 && !hasNextPage && (
        <Empty title={filtered ? "Nothing of that kind" : "Nothing yet"}>
          {filtered ? (
            <button type="button" className="plain" onClick={() => void navigate({ search: (s) => (s.tenant ? { tenant: s.tenant } : {}), replace: true })}>
              Show everything
            </button>
          ) : (
            <p>Sign-ins of its members, uses of keys and refusals stand here from when they happen.</p>
          )}
        </Empty>
      )}
      <ol className="audit" aria-label="Entries">
        {entries.map(({ entry, cid }, i) => (
          <Entry key={`${cid} ${i}`} l={entry} cid={cid} names={names} />
        ))}
      </ol>
      {hasNextPage && entries.length > 0 && (
        <button type="button" disabled={isFetching} onClick={() => void fetchNextPage()}>
          Older entries
        </button>
      )}
    </>
  );
}

function Entry({ l, cid, names }: { l: Line; cid: string; names: Map<string, string> }) {
  const { did, onto } = said(l);
  const refused = l.action === "access.denied" || l.action === "auth.login_failed";
  const you = l.principal && l.principal === session()?.user;
  return (
    <li className={refused ? "refused" : undefined}>
      <p>
        {l.principal ? <EntityLink id={l.principal} label={names.get(l.principal) ?? `${l.kind ?? "somebody"} ${short(l.principal)}`} /> : somebody(l)}
        {you && " (you)"} {l.by && <>for whom <EntityLink id={l.by} label={names.get(l.by) ?? short(l.by)} /> acted, </>}
        {did} {onto && l.target && l.target !== l.principal && <EntityLink id={l.target} label={names.get(l.target) ?? short(l.target)} />}
        {onto && l.target && l.target === l.principal && "their own"}
        {l.count > 1 && <strong className="times"> {l.count} times</strong>}
      </p>
      <p className="faint">
        {l.count > 1 && l.first && l.last ? (
          <>
            from <time dateTime={l.first}>{moment(l.first)}</time> to <time dateTime={l.last}>{moment(l.last)}</time>
          </>
        ) : (
          <time dateTime={l.at} title={moment(l.at)}>
            {ago(l.at)}
          </time>
        )}
        {l.ip && <> from {l.ip}</>}
        {l.principal && (
          <>
            {" · "}
            <Link to="/app/audit" search={(s) => ({ ...s, about: l.principal })} aria-label={`Only about ${names.get(l.principal) ?? l.principal}`}>
              only theirs
            </Link>
          </>
        )}
        {" · "}
        <a href={`/ipfs/${cid}?format=dag-json`} aria-label="The block that it stands in">
          block
        </a>
        {l.dropped ? ` · ${l.dropped} entries before it are lost` : ""}
      </p>
    </li>
  );
}
