import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState, type FormEvent } from "react";
import type { Schemas } from "../lib/api";
import { ago, bytes, moment } from "../lib/format";
import { accept, basesQuery, chunks, embedderQuery, formats, useOwns } from "../lib/knowledge";
import { transfer } from "../lib/transfer";
import { Busy, Empty, Failure, useTitle } from "../parts/basics";
import { TeamFailure } from "../parts/team";
import { Drop } from "../parts/uploader";
import { defaults, SettingFields } from "./basesettings";
import "./knowledge.css";

// KnowledgeBases are those of the team.
export function KnowledgeBases() {
  useTitle("Knowledge bases");
  const got = useQuery(basesQuery);
  const owns = useOwns();
  return (
    <>
      <h1>Knowledge bases</h1>
      <p className="faint">Files that agents answer from. Their text is cut into chunks, and the chunks that are nearest to a question are given to the agent with it.</p>
      {got.isPending && <Busy what="Knowledge bases" />}
      {got.error && <TeamFailure error={got.error} retry={() => void got.refetch()} />}
      {got.data?.length === 0 && (
        <Empty title="None yet">
          <p>{owns ? "Make one of a few files, try questions on it, then name it in an agent's settings." : "Who owns the team can make one."}</p>
          {owns && <MakeLink />}
        </Empty>
      )}
      {got.data && got.data.length > 0 && (
        <>
          {owns && (
            <p>
              <MakeLink />
            </p>
          )}
          <List bases={got.data} />
        </>
      )}
    </>
  );
}

function MakeLink() {
  return (
    <Link to="/app/knowledge/new" className="button">
      Make a knowledge base
    </Link>
  );
}

function List({ bases }: { bases: Schemas["KnowledgeBase"][] }) {
  return (
    <ol className="results" aria-label="Knowledge bases">
      {bases.map((b) => (
        <li key={b.id}>
          <Link to="/app/knowledge/$id" params={{ id: b.id }}>
            {b.name}
          </Link>
          <span className="faint">
            {b.fileCount} {b.fileCount === 1 ? "file" : "files"}, {chunks(b.chunkCount)}
          </span>
          <time className="end" dateTime={b.createdAt} title={moment(b.createdAt)}>
            made {ago(b.createdAt)}
          </time>
        </li>
      ))}
    </ol>
  );
}

type Making = { form: FormData; size: number };

// NewKnowledgeBase makes one of files.
export function NewKnowledgeBase() {
  useTitle("New knowledge base");
  const navigate = useNavigate();
  const queries = useQueryClient();
  const embedder = useQuery(embedderQuery);
  const [files, setFiles] = useState<File[]>([]);
  const [missing, setMissing] = useState(false);
  const [sent, setSent] = useState(0);
  const make = useMutation({
    mutationFn: async ({ form }: Making) => JSON.parse(await (await transfer("POST", "/v1/portal/knowledge-bases", form, { sent: setSent })).text()) as Schemas["KnowledgeBaseMade"],
    onSuccess: async (made) => {
      await queries.invalidateQueries({ queryKey: ["bases"] });
      await navigate({ to: "/app/knowledge/$id", params: { id: made.id } });
    },
  });
  const submit = (e: FormEvent<HTMLFormElement>) => {
    e.preventDefault();
    setMissing(files.length === 0);
    if (files.length === 0) return;
    const form = new FormData(e.currentTarget); // the fields come before the files, which are cut as they arrive
    files.forEach((f) => form.append("files", f, f.name));
    setSent(0);
    make.mutate({ form, size: files.reduce((n, f) => n + f.size, 0) });
  };
  if (embedder.error) return <TeamFailure error={embedder.error} retry={() => void embedder.refetch()} />;
  return (
    <form className="form" onSubmit={submit}>
      <h1>New knowledge base</h1>
      <Embedder of={embedder.data} />
      <p className="field">
        <label htmlFor="name">Name</label>
        <input id="name" name="name" required maxLength={200} autoFocus aria-describedby="name-hint" />
        <small id="name-hint" className="faint">
          What agents call it
        </small>
      </p>
      <h2>Files</h2>
      <Drop label="Choose files" hint={`Drop files here. ${formats}`} accept={accept} disabled={make.isPending} onFiles={(more) => (setMissing(false), setFiles((have) => [...have.filter((f) => !more.some((m) => m.name === f.name)), ...more]))} />
      {missing && (
        <p className="failure" role="alert">
          Choose one file at least; others can be added later.
        </p>
      )}
      <Chosen files={files} onRemove={(f) => setFiles(files.filter((x) => x !== f))} />
      <details>
        <summary>How files are cut, and what a search gives</summary>
        <SettingFields of={defaults} />
      </details>
      {make.error && <Failure error={make.error} />}
      {make.isPending && (
        <p role="status">
          <progress aria-label="Upload" max={make.variables.size || 1} value={sent < make.variables.size ? sent : undefined} /> {sent < make.variables.size ? `${bytes(sent)} of ${bytes(make.variables.size)}` : "The files are read, cut and embedded"}
        </p>
      )}
      <p>
        <button disabled={make.isPending || embedder.data?.available === false}>Make the knowledge base</button>
      </p>
    </form>
  );
}

function Embedder({ of }: { of?: Schemas["EmbedderInfo"] }) {
  if (!of) return null;
  if (!of.available)
    return (
      <p className="failure" role="alert">
        Nothing here turns texts into vectors, so that nothing could be found in a knowledge base. Whoever runs the server sets that with --embeddings-url.
      </p>
    );
  return (
    <p className="faint">
      Texts are turned into vectors by {of.model} of {of.provider}, of {of.dimensions} dimensions.
    </p>
  );
}

function Chosen({ files, onRemove }: { files: File[]; onRemove: (f: File) => void }) {
  if (files.length === 0) return null;
  return (
    <ul className="uploads" aria-label="Chosen files">
      {files.map((f) => (
        <li key={f.name}>
          <span className="name">
            {f.name} <span className="faint">{bytes(f.size)}</span>
          </span>
          <button type="button" className="plain" aria-label={`Leave ${f.name} out`} onClick={() => onRemove(f)}>
            Leave out
          </button>
        </li>
      ))}
    </ul>
  );
}
