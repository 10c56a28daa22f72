import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import type { FormEvent } from "react";
import { client, data } from "../../lib/api";
import { Busy, Empty, Failure, useTitle } from "../../parts/basics";
import { Field, fieldsOf, Tick } from "../../parts/field";
import { ProviderFields, providerOf } from "../../parts/providerfields";

export function ServerProviders() {
  useTitle("Model providers");
  const got = useQuery({ queryKey: ["providers"], queryFn: () => data(client.GET("/v1/admin/providers")) });
  return (
    <>
      <h1>Model providers</h1>
      <p>These answer for the agents of tenants that you let use them, with keys that tenants never see.</p>
      {got.isPending && <Busy what="Providers" />}
      {got.error && <Failure error={got.error} retry={() => void got.refetch()} />}
      {got.data?.length === 0 && (
        <Empty title="None yet">
          <p>Until there is one, agents use what the server was started with (STEMMA_LLM_URL), a provider of their own, or the model that is built in.</p>
        </Empty>
      )}
      {got.data && got.data.length > 0 && (
        <div className="scroll" tabIndex={0} role="region" aria-label="Providers">
          <table>
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Kind</th>
                <th scope="col">Model</th>
                <th scope="col">Open to</th>
                <th scope="col">Key</th>
              </tr>
            </thead>
            <tbody>
              {got.data.map((p) => (
                <tr key={p.id}>
                  <td>
                    <Link to="/app/server/providers/$id" params={{ id: p.id }}>
                      {p.name}
                    </Link>{" "}
                    {p.isDefault && <span className="badge good">default</span>}
                  </td>
                  <td>{p.type}</td>
                  <td>{p.model ?? <span className="faint">as agents say</span>}</td>
                  <td>{p.tenantAvailable ? "all tenants" : "those it is granted to"}</td>
                  <td>{p.apiKey ? "kept" : "none"}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <Make />
    </>
  );
}

function Make() {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const make = useMutation({
    mutationFn: (f: Record<string, string>) => {
      const { kind, ...rest } = providerOf(f);
      return data(client.POST("/v1/admin/providers", { body: { name: f.name ?? "", type: kind, tenantAvailable: f.open === "on", ...rest } }));
    },
    onSuccess: (p) => {
      void queries.invalidateQueries({ queryKey: ["providers"] });
      void navigate({ to: "/app/server/providers/$id", params: { id: p.id } });
    },
  });
  const submit = (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault();
    make.mutate(fieldsOf(e.currentTarget));
  };
  return (
    <section className="card narrow" aria-labelledby="make-provider">
      <h2 id="make-provider">Make a provider</h2>
      <form onSubmit={submit}>
        <Field name="name" label="Name" required maxLength={200} />
        <ProviderFields />
        <Tick name="open">Open to all tenants</Tick>
        {make.error && <Failure error={make.error} />}
        <button disabled={make.isPending}>Make the provider</button>
      </form>
    </section>
  );
}
