import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import type { FormEvent } from "react";
import { client, data, type Schemas } from "../../lib/api";
import { ago, moment } from "../../lib/format";
import { Busy, Failure, useTitle } from "../../parts/basics";
import { Choice, Field, fieldsOf } from "../../parts/field";
import { ProviderFields, providerOf } from "../../parts/providerfields";
import { TypedConfirm } from "../../parts/typed";

type Provider = Schemas["Provider"];

export function ServerProvider() {
  const { id } = useParams({ from: "/frame/app/server/providers/$id" });
  const got = useQuery({ queryKey: ["provider", id], queryFn: () => data(client.GET("/v1/admin/providers/{id}", { params: { path: { id } } })) });
  useTitle(got.data?.name ?? "Provider");
  if (got.isPending) return <Busy what="The provider" />;
  if (got.error)
    return (
      <>
        <Failure error={got.error} retry={() => void got.refetch()} />
        <Link to="/app/server/providers">All providers</Link>
      </>
    );
  const p = got.data;
  return (
    <>
      <p className="crumb">
        <Link to="/app/server/providers">Model providers</Link>
      </p>
      <h1>
        {p.name} {p.isDefault && <span className="badge good">default</span>}
      </h1>
      <p className="faint">
        Changed <time title={moment(p.updatedAt)}>{ago(p.updatedAt)}</time>
      </p>
      <div className="cards">
        <Edit key={p.updatedAt} p={p} />
        <Reach p={p} />
      </div>
      <Remove p={p} />
    </>
  );
}

// useAct does something with a provider, and shows what became of it.
function useAct<T>(p: Provider, act: (input: T) => Promise<unknown>) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: act,
    onSuccess: () => {
      for (const queryKey of [["provider", p.id], ["providers"], ["grants", p.id]]) void queries.invalidateQueries({ queryKey });
    },
  });
}

function Edit({ p }: { p: Provider }) {
  const save = useAct(p, (f: Record<string, string>) => {
    const { kind, ...rest } = providerOf(f);
    return data(client.PUT("/v1/admin/providers/{id}", { params: { path: { id: p.id } }, body: { name: f.name, description: f.description, type: kind, ...rest } }));
  });
  const submit = (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault();
    save.mutate(fieldsOf(e.currentTarget));
  };
  return (
    <section className="card" aria-labelledby="edit-provider">
      <h2 id="edit-provider">How it is reached</h2>
      <form onSubmit={submit}>
        <Field name="name" label="Name" required maxLength={200} defaultValue={p.name} />
        <Field name="description" label="What it is for" maxLength={2000} defaultValue={p.description ?? ""} />
        <ProviderFields kind={p.type} model={p.model} baseUrl={p.baseUrl} deployment={p.deployment} apiVersion={p.apiVersion} hasKey={p.apiKey !== null} />
        {save.error && <Failure error={save.error} />}
        <button disabled={save.isPending}>Save the provider</button>
      </form>
    </section>
  );
}

// Reach is who may use it.
function Reach({ p }: { p: Provider }) {
  const path = { id: p.id };
  const grants = useQuery({ queryKey: ["grants", p.id], queryFn: () => data(client.GET("/v1/admin/providers/{id}/tenants", { params: { path } })) });
  const tenants = useQuery({ queryKey: ["tenants", "to grant to"], queryFn: () => data(client.GET("/v1/admin/tenants", { params: { query: { limit: 500 } } })) });
  const open = useAct(p, (tenantAvailable: boolean) => data(client.PUT("/v1/admin/providers/{id}/availability", { params: { path }, body: { tenantAvailable } })));
  const choose = useAct(p, () => data(client.POST("/v1/admin/providers/{id}/default", { params: { path } })));
  const grant = useAct(p, (tenantId: string) => data(client.POST("/v1/admin/providers/{id}/tenants", { params: { path }, body: { tenantId } })));
  const revoke = useAct(p, (tenantId: string) => data(client.DELETE("/v1/admin/providers/{id}/tenants/{tenantId}", { params: { path: { ...path, tenantId } } })));
  const granted = grants.data?.tenants ?? [];
  const others = (tenants.data?.tenants ?? []).filter((t) => !granted.some((g) => g.id === t.id));
  const failed = [open, choose, grant, revoke].find((m) => m.error)?.error;
  const submit = (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault();
    const { tenant } = fieldsOf(e.currentTarget);
    if (tenant) grant.mutate(tenant);
  };
  return (
    <section className="card" aria-labelledby="reach">
      <h2 id="reach">Who may use it</h2>
      <p>{p.tenantAvailable ? "All tenants may use it." : "The tenants below may use it, and those that inherit from them."}</p>
      <p className="acts-row">
        <button type="button" disabled={open.isPending} onClick={() => open.mutate(!p.tenantAvailable)}>
          {p.tenantAvailable ? "Close it to others" : "Open it to all tenants"}
        </button>
        {!p.isDefault && (
          <button type="button" className="plain" disabled={choose.isPending} onClick={() => choose.mutate(undefined)}>
            Make it the default
          </button>
        )}
      </p>
      {p.isDefault && <p className="faint">It is the default: it answers for agents for which nobody names a provider, where their tenant may use it.</p>}
      <h3>Granted to</h3>
      {grants.isPending && <Busy what="Tenants" />}
      {grants.error && <Failure error={grants.error} retry={() => void grants.refetch()} />}
      {grants.data && granted.length === 0 && <p className="faint">No tenant by name.</p>}
      <ul className="plain">
        {granted.map((t) => (
          <li key={t.id}>
            <Link to="/app/server/tenants/$id" params={{ id: t.id }}>
              {t.name}
            </Link>{" "}
            <button type="button" className="plain" aria-label={`Take it away from ${t.name}`} disabled={revoke.isPending} onClick={() => revoke.mutate(t.id)}>
              Take away
            </button>
          </li>
        ))}
      </ul>
      {others.length > 0 && (
        <form onSubmit={submit}>
          <Choice name="tenant" label="Another tenant" of={others.map((t) => [t.id, t.name])} />
          <button disabled={grant.isPending}>Grant it</button>
        </form>
      )}
      {failed && <Failure error={failed} />}
    </section>
  );
}

function Remove({ p }: { p: Provider }) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const remove = useMutation({
    mutationFn: () => data(client.DELETE("/v1/admin/providers/{id}", { params: { path: { id: p.id } } })),
    onSuccess: () => {
      queries.removeQueries({ queryKey: ["provider", p.id] });
      void queries.invalidateQueries({ queryKey: ["providers"] });
      void navigate({ to: "/app/server/providers" });
    },
  });
  return (
    <section aria-labelledby="remove-provider">
      <h2 id="remove-provider">Delete it</h2>
      <TypedConfirm action="Delete the provider" title={`Delete ${p.name}?`} type={p.name} busy={remove.isPending} error={remove.error} onConfirm={() => remove.mutate()}>
        <p>Its key is forgotten for good, and agents that name it are refused from then on.</p>
      </TypedConfirm>
    </section>
  );
}
