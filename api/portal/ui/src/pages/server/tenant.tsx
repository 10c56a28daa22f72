import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import type { FormEvent } from "react";
import { client, data, type Schemas } from "../../lib/api";
import { ago, moment } from "../../lib/format";
import { Busy, EntityLink, Failure, useTitle } from "../../parts/basics";
import { Choice, Field, fieldsOf } from "../../parts/field";
import { TypedConfirm } from "../../parts/typed";
import { TenantKeys } from "./tenantkeys";
import { TenantProvider } from "./tenantprovider";

export type Tenant = Schemas["TenantDetail"];

// ServerTenant is all that the operator may do with a tenant.
export function ServerTenant() {
  const { id } = useParams({ from: "/frame/app/server/tenants/$id" });
  const got = useQuery({ queryKey: ["tenant", id], queryFn: () => data(client.GET("/v1/admin/tenants/{id}", { params: { path: { id } } })) });
  useTitle(got.data?.name ?? "Tenant");
  if (got.isPending) return <Busy what="The tenant" />;
  if (got.error)
    return (
      <>
        <Failure error={got.error} retry={() => void got.refetch()} />
        <Link to="/app/server/tenants">All tenants</Link>
      </>
    );
  const t = got.data;
  return (
    <>
      <p className="crumb">
        <Link to="/app/server/tenants">Tenants</Link>
      </p>
      <h1>
        {t.name} <span className={`badge ${t.status === "active" ? "good" : "bad"}`}>{t.status === "active" ? "active" : "switched off"}</span>
      </h1>
      <p className="faint">
        Made <time title={moment(t.createdAt)}>{ago(t.createdAt)}</time>. As an entity: <EntityLink id={t.id} label="its versions and members" />.{" "}
        <Link to="/app/server/usage" search={{ tenant: t.id }}>
          What it used
        </Link>
        {t.parentId && (
          <>
            . It inherits from{" "}
            <Link to="/app/server/tenants/$id" params={{ id: t.parentId }}>
              another tenant
            </Link>
          </>
        )}
      </p>
      <div className="cards">
        <Settings key={t.updatedAt} t={t} />
        <TenantProvider key={`${t.updatedAt} provider`} t={t} />
      </div>
      <TenantKeys id={t.id} />
      <Remove t={t} />
    </>
  );
}

function Settings({ t }: { t: Tenant }) {
  const queries = useQueryClient();
  const save = useMutation({
    mutationFn: (f: Record<string, string>) => data(client.PATCH("/v1/admin/tenants/{id}", { params: { path: { id: t.id } }, body: { name: f.name, orgSlug: f.orgSlug, status: f.status as "active" | "inactive" } })),
    onSuccess: (now) => {
      queries.setQueryData(["tenant", t.id], now);
      void queries.invalidateQueries({ queryKey: ["tenants"] });
    },
  });
  const submit = (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault();
    save.mutate(fieldsOf(e.currentTarget));
  };
  return (
    <section className="card" aria-labelledby="tenant-settings">
      <h2 id="tenant-settings">Settings</h2>
      <form onSubmit={submit}>
        <Field name="name" label="Name" defaultValue={t.name} required maxLength={180} />
        <Field name="orgSlug" label="Short name" defaultValue={t.orgSlug} required pattern="[a-z0-9][a-z0-9\-]{1,48}[a-z0-9]" hint="Small letters, digits and hyphens" />
        <Choice
          name="status"
          label="State"
          defaultValue={t.status}
          hint="Switched off, its agents' keys and its people's tokens are refused at once; nothing is lost."
          of={[
            ["active", "active"],
            ["inactive", "switched off"],
          ]}
        />
        {save.error && <Failure error={save.error} />}
        <button disabled={save.isPending}>Save the settings</button>
      </form>
    </section>
  );
}

function Remove({ t }: { t: Tenant }) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const remove = useMutation({
    mutationFn: () => data(client.DELETE("/v1/admin/tenants/{id}", { params: { path: { id: t.id }, query: { confirm: true } } })),
    onSuccess: () => {
      queries.removeQueries({ queryKey: ["tenant", t.id] });
      void queries.invalidateQueries({ queryKey: ["tenants"] });
      void navigate({ to: "/app/server/tenants", search: { deleted: t.id } });
    },
  });
  return (
    <section aria-labelledby="remove-tenant">
      <h2 id="remove-tenant">Delete it</h2>
      <p>To keep people out for a while, switch it off instead.</p>
      <TypedConfirm action="Delete the tenant" title={`Delete ${t.name}?`} type={t.orgSlug} busy={remove.isPending} error={remove.error} onConfirm={() => remove.mutate()}>
        <p>Its keys and tokens stop working at once, and the keys of providers that it keeps are forgotten for good. Its history stays in the log, and its usage in the sums.</p>
      </TypedConfirm>
    </section>
  );
}
