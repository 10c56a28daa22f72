import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState, type FormEvent } from "react";
import { client, data } from "../../lib/api";
import { Failure } from "../../parts/basics";
import { Choice, fieldsOf } from "../../parts/field";
import { ProviderFields, providerOf } from "../../parts/providerfields";
import type { Tenant } from "./tenant";

type Way = "none" | "house" | "own";

// TenantProvider says who answers for a tenant's agents: one of the operator's
// providers, one of its own, or what it inherits.
export function TenantProvider({ t }: { t: Tenant }) {
  const now = t.providerConfig;
  const was: Way = now?.gatewayProviderId ? "house" : now?.provider ? "own" : "none";
  const [way, setWay] = useState<Way>(was);
  const queries = useQueryClient();
  const house = useQuery({ queryKey: ["providers"], queryFn: () => data(client.GET("/v1/admin/providers")) });
  const path = { id: t.id };
  const save = useMutation({
    mutationFn: async (f: Record<string, string>) => {
      if (way === "none") return void (await data(client.DELETE("/v1/admin/tenants/{id}/provider-config", { params: { path } })));
      if (way === "house") return void (await data(client.PUT("/v1/admin/tenants/{id}/provider-config", { params: { path }, body: { gatewayProviderId: f.gateway } })));
      const { kind, ...rest } = providerOf(f);
      await data(client.PUT("/v1/admin/tenants/{id}/provider-config", { params: { path }, body: { provider: kind, ...rest } }));
    },
    onSuccess: () => void queries.invalidateQueries({ queryKey: ["tenant", t.id] }),
  });
  const submit = (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault();
    save.mutate(fieldsOf(e.currentTarget));
  };
  return (
    <section className="card" aria-labelledby="tenant-provider">
      <h2 id="tenant-provider">Language models</h2>
      <form onSubmit={submit}>
        <Choice
          label="Its agents are answered by"
          value={way}
          onChange={(e) => setWay(e.target.value as Way)}
          of={[
            ["none", t.parentId ? "what it inherits" : "the server's default"],
            ["house", "one of this server's providers"],
            ["own", "a provider of its own"],
          ]}
        />
        {way === "house" && house.data?.length === 0 && (
          <p>
            There are none yet: <Link to="/app/server/providers">make one</Link> first.
          </p>
        )}
        {way === "house" && house.data && house.data.length > 0 && (
          <Choice
            key={house.data.length}
            name="gateway"
            label="Provider"
            defaultValue={now?.gatewayProviderId ?? ""}
            hint="It has to be open to all tenants, or granted to this one, on the page of the provider."
            of={house.data.map((p) => [p.id, `${p.name} (${p.type})`])}
          />
        )}
        {way === "own" && <ProviderFields kind={now?.provider} model={now?.model} baseUrl={now?.baseUrl} deployment={now?.deployment} apiVersion={now?.apiVersion} hasKey={now?.hasApiKey} />}
        {save.error && <Failure error={save.error} />}
        <button disabled={save.isPending || (way === "none" && was === "none") || (way === "house" && !house.data?.length)}>Save who answers</button>
      </form>
    </section>
  );
}
