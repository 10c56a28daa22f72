import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent } from "react";
import { client, data } from "../lib/api";
import { chunks, type Base, type Settings as Values } from "../lib/knowledge";
import { Failure } from "../parts/basics";
import { Confirm } from "../parts/confirm";

// What the server cuts by where it is told nothing else.
export const defaults: Values = { chunk_tokens: 650, overlap_tokens: 120, top_k: 5, similarity_threshold: 0 };

const fields: { name: keyof Values; label: string; hint: string; min: number; max: number; step: number | "any" }[] = [
  { name: "chunk_tokens", label: "Size of a chunk", hint: "tokens, from 20 to 8000: small ones are found more exactly, large ones say more", min: 20, max: 8000, step: 1 },
  { name: "overlap_tokens", label: "Overlap", hint: "tokens that a chunk repeats of the one before it, at most half of its size", min: 0, max: 4000, step: 1 },
  { name: "top_k", label: "Chunks for an answer", hint: "how many an agent is given, up to 50", min: 1, max: 50, step: 1 },
  { name: "similarity_threshold", label: "Least similarity", hint: "from 0 to 1; what is less like the question is not given", min: 0, max: 1, step: "any" },
];

export function SettingFields({ of }: { of: Values }) {
  return (
    <div className="settings">
      {fields.map(({ name, label, hint, ...bounds }) => (
        <p key={name} className="field">
          <label htmlFor={name}>{label}</label>
          <input id={name} name={name} type="number" required defaultValue={of[name]} aria-describedby={`${name}-hint`} {...bounds} />
          <small id={`${name}-hint`} className="faint">
            {hint}
          </small>
        </p>
      ))}
    </div>
  );
}

// BaseSettings are how files are cut and what a search gives; and the end of it all.
export function BaseSettings({ base, owns }: { base: Base; owns: boolean }) {
  const queries = useQueryClient();
  const save = useMutation({
    mutationFn: (body: Values) => data(client.PATCH("/v1/portal/knowledge-bases/{id}", { params: { path: { id: base.id } }, body })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["base", base.id] }),
  });
  const submit = (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault();
    const form = new FormData(e.currentTarget);
    const value = (name: keyof Values) => Number(form.get(name));
    save.mutate({ chunk_tokens: value("chunk_tokens"), overlap_tokens: value("overlap_tokens"), top_k: value("top_k"), similarity_threshold: value("similarity_threshold") });
  };
  return (
    <>
      <form onSubmit={submit} className="form">
        <p className="faint">
          {base.vectorSpace
            ? `Texts are turned into vectors by ${base.vectorSpace.model} of ${base.vectorSpace.provider}, of ${base.vectorSpace.dimensions} dimensions; the settings of the team say by what.`
            : "Nothing here turns texts into vectors now; the settings of the team, or who runs the server, say by what it is done."}
        </p>
        <fieldset disabled={!owns || save.isPending} className="bare">
          <SettingFields of={base.settings} />
          {owns ? <button>Save the settings</button> : <p className="faint">Who owns the team can change them.</p>}
        </fieldset>
        {save.error && <Failure error={save.error} />}
        {save.isSuccess && (
          <p className="fresh" role="status">
            Saved. {base.searchReady ? "Every file is cut like this." : "The files are being cut again; until then what was cut before is found."}
          </p>
        )}
      </form>
      {owns && <Delete base={base} />}
    </>
  );
}

function Delete({ base }: { base: Base }) {
  const navigate = useNavigate();
  const queries = useQueryClient();
  const drop = useMutation({
    mutationFn: () => data(client.DELETE("/v1/portal/knowledge-bases/{id}", { params: { path: { id: base.id } } })),
    onSuccess: async () => {
      await navigate({ to: "/app/knowledge" });
      queries.removeQueries({ queryKey: ["base", base.id] });
      await queries.invalidateQueries({ queryKey: ["bases"] });
    },
  });
  return (
    <section aria-labelledby="delete">
      <h2 id="delete">Delete it</h2>
      <p>Its files go with it, and agents that use it go on without. What answers have quoted stays readable.</p>
      <Confirm
        title={`Delete ${base.name}?`}
        action="Delete"
        what={
          <p>
            Its {base.fileCount} files and {chunks(base.chunkCount)} go with it. Agents that use it go on without it.
          </p>
        }
        onConfirm={() => drop.mutate()}
      >
        <button type="button" className="danger" disabled={drop.isPending}>
          Delete the knowledge base
        </button>
      </Confirm>
      {drop.error && <Failure error={drop.error} />}
    </section>
  );
}
