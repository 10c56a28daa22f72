import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import type { Entity } from "../lib/api";
import { contentOf, newContent, type Content } from "../lib/files";
import { permissionsQuery } from "../lib/entity";
import { bytes } from "../lib/format";
import { transfer } from "../lib/transfer";
import { upload } from "../lib/uploads";
import { Busy, Empty, Failure } from "../parts/basics";
import { Download } from "../parts/download";
import { Drop, Uploads } from "../parts/uploader";
import "./file.css";

// FilePart is what a file's entity has beside what every entity has: its content.
export function FilePart({ e }: { e: Entity }) {
  const content = contentOf(e);
  return (
    <section aria-labelledby="file-content">
      <h2 id="file-content">Content</h2>
      {content.cid ? (
        <>
          <Facts content={content} />
          <Preview key={content.cid} id={e.id} content={content} />
          <Download path={`/files/${e.id}/content`} name={content.filename} label={`Download ${content.filename}`} size={content.size} />
        </>
      ) : (
        <Empty title="It has no content yet">
          <p>{content.size ? `It waits for ${bytes(content.size)} of ${content.type}.` : "It was made, and nothing was uploaded to it."} Upload it below; any file will do.</p>
        </Empty>
      )}
      <Replace e={e} has={Boolean(content.cid)} />
    </section>
  );
}

function Facts({ content: c }: { content: Content }) {
  return (
    <dl className="facts">
      <div>
        <dt>Name</dt>
        <dd>{c.filename}</dd>
      </div>
      <div>
        <dt>Type</dt>
        <dd>{c.type}</dd>
      </div>
      <div>
        <dt>Size</dt>
        <dd title={`${c.size} bytes`}>{bytes(c.size)}</dd>
      </div>
      <div>
        <dt>CID</dt>
        <dd>
          <code>{c.cid}</code>{" "}
          <button type="button" className="plain" onClick={() => void navigator.clipboard.writeText(c.cid!)}>
            Copy
          </button>
        </dd>
      </div>
    </dl>
  );
}

function Replace({ e, has }: { e: Entity; has: boolean }) {
  const queries = useQueryClient();
  const may = useQuery(permissionsQuery(e.id));
  const place = `of ${e.id}`;
  const allowed = !may.data || may.data.allowed_actions.includes("file:reupload");
  if (!allowed) return has ? null : <p className="faint">You may not upload to it. Somebody who manages its collection can give you a role.</p>;
  return (
    <>
      <Drop
        one
        label={has ? "Replace the content" : "Upload its content"}
        hint={has ? "Drop a file here to make it the content of the next version. What is there now stays in the history." : "Drop a file here."}
        onFiles={([file]) => file && upload(place, file, newContent(e, file), () => void queries.invalidateQueries({ queryKey: ["entity", e.id] }))}
      />
      <Uploads place={place} />
    </>
  );
}

const head = 64 * 1024;
const whole = 5_000_000;
const texts = /^(text\/|application\/(.*\+)?(json|xml|jsonl|x-ndjson|yaml|toml|javascript|sql|x-sh)\b)/;
const pictures = /^image\/(png|jpeg|gif|webp|avif|svg\+xml|bmp|x-icon)\b/;

function Preview({ id, content }: { id: string; content: Content }) {
  if (content.size === 0) return <p className="faint">It is empty.</p>;
  if (pictures.test(content.type)) return <Picture id={id} content={content} />;
  if (texts.test(content.type)) return <Text id={id} content={content} />;
  return <p className="faint">There is no preview of {content.type}. Download it to open it.</p>;
}

function Picture({ id, content }: { id: string; content: Content }) {
  const [wanted, setWanted] = useState(content.size <= 4 * whole);
  const got = useQuery({ queryKey: ["content", content.cid], enabled: wanted, staleTime: Infinity, queryFn: ({ signal }) => transfer("GET", `/files/${id}/content`, null, { signal }) });
  const [url, setURL] = useState("");
  const [broken, setBroken] = useState(false);
  useEffect(() => {
    if (!got.data) return;
    const made = URL.createObjectURL(new Blob([got.data], { type: content.type }));
    setURL(made);
    return () => URL.revokeObjectURL(made);
  }, [got.data, content.type]);
  if (!wanted)
    return (
      <p>
        <button type="button" onClick={() => setWanted(true)}>
          Show the picture ({bytes(content.size)})
        </button>
      </p>
    );
  if (got.isPending) return <Busy what="The picture" />;
  if (got.error) return <Failure error={got.error} retry={() => void got.refetch()} />;
  if (broken) return <p className="faint">This is called {content.type}, and cannot be shown as that. Download it to look at it.</p>;
  return <div className="preview">{url && <img src={url} alt={content.filename} onError={() => setBroken(true)} />}</div>;
}

function pretty(text: string, content: Content, all: boolean): string {
  if (!all || !/json\b/.test(content.type) || /jsonl/.test(content.type)) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function Text({ id, content }: { id: string; content: Content }) {
  const [all, setAll] = useState(content.size <= head);
  const got = useQuery({
    queryKey: ["text", content.cid, all],
    staleTime: Infinity,
    queryFn: async ({ signal }) => {
      const part = await transfer("GET", `/files/${id}/content`, null, { signal, ...(all ? {} : { range: `bytes=0-${head - 1}` }) });
      return new TextDecoder().decode(await part.arrayBuffer(), { stream: !all });
    },
  });
  if (got.isPending) return <Busy what="Its beginning" />;
  if (got.error) return <Failure error={got.error} retry={() => void got.refetch()} />;
  return (
    <>
      <div className="preview" tabIndex={0} role="region" aria-label={`Text of ${content.filename}`}>
        <pre>{pretty(got.data, content, all)}</pre>
      </div>
      {!all && (
        <p className="faint">
          These are the first {bytes(head)}.{" "}
          {content.size <= whole ? (
            <button type="button" className="plain" onClick={() => setAll(true)}>
              Show all of it
            </button>
          ) : (
            "Download it to see the rest."
          )}
        </p>
      )}
    </>
  );
}
