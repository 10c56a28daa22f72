import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import type { FormEvent } from "react";
import { client, data } from "../../lib/api";
import { ago, moment } from "../../lib/format";
import { Busy, Empty, Failure, useTitle } from "../../parts/basics";
import { Choice, Field, fieldsOf } from "../../parts/field";

const size = 50;

export function ServerTenants() {
  useTitle("Tenants");
  const { status, page = 1, deleted } = useSearch({ from: "/frame/app/server/tenants" });
  const navigate = useNavigate({ from: "/app/server/tenants" });
  const got = useQuery({
    queryKey: ["tenants", status, page],
    queryFn: () => data(client.GET("/v1/admin/tenants", { params: { query: { limit: size, offset: (page - 1) * size, ...(status ? { status } : {}) } } })),
    placeholderData: keepPreviousData,
  });
  const turn = (page: number) => void navigate({ search: (s) => ({ ...s, page }) });
  return (
    <>
      <h1>Tenants</h1>
      {deleted && <Deleted id={deleted} />}
      <p className="inline">
        <label htmlFor="status">Shown</label>
        <select id="status" value={status ?? ""} onChange={(e) => void navigate({ search: { status: (e.target.value || undefined) as "active" | undefined } })}>
          <option value="">all</option>
          <option value="active">active</option>
          <option value="inactive">switched off</option>
        </select>
      </p>
      {got.isPending && <Busy what="Tenants" />}
      {got.error && <Failure error={got.error} retry={() => void got.refetch()} />}
      {got.data?.tenants.length === 0 && (
        <Empty title={status || page > 1 ? "None here" : "None yet"}>
          <p>A tenant is a team with its own agents, keys, knowledge and limits. Make one below; people can also make theirs when sign-ups are open.</p>
        </Empty>
      )}
      {got.data && got.data.tenants.length > 0 && (
        <div className="scroll" tabIndex={0} role="region" aria-label="Tenants">
          <table>
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Short name</th>
                <th scope="col">State</th>
                <th scope="col">Made</th>
              </tr>
            </thead>
            <tbody>
              {got.data.tenants.map((t) => (
                <tr key={t.id}>
                  <td>
                    <Link to="/app/server/tenants/$id" params={{ id: t.id }}>
                      {t.name}
                    </Link>
                  </td>
                  <td>
                    <code>{t.orgSlug}</code>
                  </td>
                  <td>
                    <span className={`badge ${t.status === "active" ? "good" : "bad"}`}>{t.status === "active" ? "active" : "switched off"}</span>
                  </td>
                  <td>
                    <time title={moment(t.createdAt)}>{ago(t.createdAt)}</time>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {got.data && got.data.total > size && (
        <p className="acts-row">
          <button type="button" disabled={page === 1} onClick={() => turn(page - 1)}>
            Newer
          </button>
          <span>
            {(page - 1) * size + 1} to {Math.min(page * size, got.data.total)} of {got.data.total}
          </span>
          <button type="button" disabled={page * size >= got.data.total} onClick={() => turn(page + 1)}>
            Older
          </button>
        </p>
      )}
      <Make />
    </>
  );
}

// Deleted offers the way back from what was just done.
function Deleted({ id }: { id: string }) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const back = useMutation({
    mutationFn: async () => {
      const tip = await data(client.GET("/entities/{id}/tip", { params: { path: { id } } }));
      await data(client.POST("/entities/{id}/restore", { params: { path: { id } }, body: { expect_tip: tip.cid } }));
    },
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: ["tenants"] });
      void navigate({ to: "/app/server/tenants/$id", params: { id } });
    },
  });
  return (
    <div className="fresh" role="status">
      The tenant is deleted. It can come back, switched off and without the keys of providers that it kept.{" "}
      <button type="button" className="plain" disabled={back.isPending} onClick={() => back.mutate()}>
        Bring it back
      </button>
      {back.error && <Failure error={back.error} />}
    </div>
  );
}

function Make() {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const above = useQuery({ queryKey: ["tenants", "to inherit from"], queryFn: () => data(client.GET("/v1/admin/tenants", { params: { query: { limit: 500, status: "active" } } })) });
  const make = useMutation({
    mutationFn: (f: Record<string, string>) => data(client.POST("/v1/admin/tenants", { body: { name: f.name ?? "", ...(f.orgSlug ? { orgSlug: f.orgSlug } : {}), ...(f.parentId ? { parentId: f.parentId } : {}) } })),
    onSuccess: (t) => {
      void queries.invalidateQueries({ queryKey: ["tenants"] });
      void navigate({ to: "/app/server/tenants/$id", params: { id: t.id } });
    },
  });
  const submit = (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault();
    make.mutate(fieldsOf(e.currentTarget));
  };
  return (
    <section className="card narrow" aria-labelledby="make-tenant">
      <h2 id="make-tenant">Make a tenant</h2>
      <form onSubmit={submit}>
        <Field name="name" label="Name" required maxLength={180} />
        <Field name="orgSlug" label="Short name" hint="Small letters, digits and hyphens. Left empty, it is made from the name." pattern="[a-z0-9][a-z0-9\-]{1,48}[a-z0-9]" />
        <Choice name="parentId" label="Inherits from" of={[["", "nothing"], ...(above.data?.tenants ?? []).map((t): [string, string] => [t.id, t.name])]} />
        {make.error && <Failure error={make.error} />}
        <button disabled={make.isPending}>Make the tenant</button>
      </form>
    </section>
  );
}
