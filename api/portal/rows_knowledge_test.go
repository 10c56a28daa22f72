package portal_test

import (
	"archive/zip"
	"bytes"
	"strings"
)

// boundary is what stands between the parts of an upload of the tests.
const boundary = "knowledge"

// part is a part of an upload: a field, or with a file's name a file.
type part struct{ field, file, kind, content string }

// upload is the body of an upload.
func upload(parts ...part) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString("--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + p.field + "\"")
		if p.file != "" {
			b.WriteString("; filename=\"" + p.file + "\"")
		}
		if p.kind != "" {
			b.WriteString("\r\nContent-Type: " + p.kind)
		}
		b.WriteString("\r\n\r\n" + p.content + "\r\n")
	}
	return b.String() + "--" + boundary + "--\r\n"
}

func named(name string) part { return part{field: "name", content: name} }

// notes is a good file.
func notes(name, content string) part { return part{field: "files", file: name, content: content} }

// knowledge makes a knowledge base of one file.
func (w *world) knowledge(token, name, file, content string) (id, fileID string) {
	w.t.Helper()
	out := w.send("POST", "/knowledge-bases", upload(named(name), notes(file, content)), "Authorization", "Bearer "+token)
	if out.Code != 200 {
		w.t.Fatalf("%d %s", out.Code, out.Body)
	}
	id = text(w.must(200, token, "GET", "/knowledge-bases", nil), "knowledgeBases", 0, "id")
	return id, text(w.must(200, token, "GET", "/knowledge-bases/"+id+"/sources", nil), "sources", 0, "fileId")
}

// collect makes knowledge bases, which takes a disk and which no other row needs.
func (w *world) collect() {
	if w.vars["kb"] != "" {
		return
	}
	w.vars["kb"], w.vars["file"] = w.knowledge(w.token(owner), "docs", "notes.md", "Marmots sleep all winter.")
	w.vars["otherkb"], w.vars["otherfile"] = w.knowledge(w.token(stranger), "docs", "notes.md", "The secret of the other house.")
}

var knowledgeRows = collecting(map[string]opRow{
	"portalListKnowledgeBases": {path: "/knowledge-bases"},
	"portalCreateKnowledgeBase": {path: "/knowledge-bases", owners: true, body: upload(named("alps"), notes("ibex.txt", "Ibex climb.")),
		faults: append(uploadFaults(named("alps")), []fault{
			{name: "no name", body: upload(notes("a.txt", "Ibex climb.")), status: 400, says: "the field name is missing"},
			{name: "a name of blanks", body: upload(named("  "), notes("a.txt", "Ibex climb.")), status: 400, says: "the field name is missing"},
			{name: "a long name", body: upload(named(strings.Repeat("a", 201)), notes("a.txt", "Ibex climb.")), status: 400, says: "200"},
			{name: "a name that is taken", body: upload(named("docs"), notes("a.txt", "Ibex climb.")), status: 409, says: "/files"},
			{name: "a setting behind the files", body: upload(named("alps"), notes("a.txt", "Ibex climb."), part{field: "chunk_tokens", content: "50"}), status: 400, says: "before the files"},
			{name: "a setting that is no number", body: upload(named("alps"), part{field: "chunk_tokens", content: "many"}, notes("a.txt", "Ibex climb.")), status: 400, says: "number"},
			{name: "chunks that are too small", body: upload(named("alps"), part{field: "chunk_tokens", content: "19"}, notes("a.txt", "Ibex climb.")), status: 400, says: "from 20 to 8000"},
			{name: "an overlap of more than half", body: upload(named("alps"), part{field: "chunk_tokens", content: "50"}, part{field: "overlap_tokens", content: "26"}, notes("a.txt", "Ibex climb.")), status: 400, says: "25"},
		}...)},
	"portalGetKnowledgeBase": {path: "/knowledge-bases/$kb", theirs: true, faults: noKnowledge("", "")},
	"portalUpdateKnowledgeBase": {path: "/knowledge-bases/$kb", body: `{"chunk_tokens":100,"overlap_tokens":20,"top_k":3,"similarity_threshold":0.1}`, owners: true, theirs: true,
		faults: append(noKnowledge("", ""), []fault{
			{name: "nothing", body: `{}`, status: 400, says: "nothing to change"},
			{name: "an overlap of more than half", body: `{"chunk_tokens":100,"overlap_tokens":51}`, status: 400, says: "50"},
			{name: "half a token", body: `{"chunk_tokens":100.5}`, status: 400},
		}...)},
	"portalDeleteKnowledgeBase": {path: "/knowledge-bases/$kb", owners: true, theirs: true, faults: noKnowledge("", "")},
	"portalAddFiles": {path: "/knowledge-bases/$kb/files", body: upload(notes("ibex.txt", "Ibex climb.")), owners: true, theirs: true,
		faults: append(uploadFaults(), noKnowledge("/files", "")...)},
	"portalRemoveFile": {path: "/knowledge-bases/$kb/files/$file", owners: true, theirs: true, faults: append(noKnowledge("/files/$file", ""), []fault{
		{name: "another's file", path: "/knowledge-bases/$kb/files/$otherfile", status: 404, says: "there is no file"},
		{name: "an agent", path: "/knowledge-bases/$kb/files/$agent", status: 404},
	}...)},
	"portalListChunks": {path: "/knowledge-bases/$kb/chunks?limit=10&offset=0", theirs: true, faults: append(noKnowledge("/chunks", ""), []fault{
		{name: "another's file", path: "/knowledge-bases/$kb/chunks?file=$otherfile", status: 404, says: "there is no file"},
		{name: "no file", path: "/knowledge-bases/$kb/chunks?file=notes.md", status: 400},
	}...)},
	"portalListSources": {path: "/knowledge-bases/$kb/sources", theirs: true, faults: noKnowledge("/sources", "")},
	"portalSearchKnowledgeBase": {path: "/knowledge-bases/$kb/search", body: `{"query":"Who sleeps?","topK":3}`, theirs: true, who: map[string]int{looks: 200},
		faults: append(noKnowledge("/search", ""), []fault{
			{name: "more than 20", body: `{"query":"Who sleeps?","topK":21}`, status: 400, says: "20"},
			{name: "none", body: `{"query":"Who sleeps?","topK":0}`, status: 400},
			{name: "more alike than equal", body: `{"query":"Who sleeps?","similarityThreshold":1.1}`, status: 400, says: "1"},
		}...)},
	"portalEmbedderInfo": {path: "/embedder-info"},
})

func collecting(rows map[string]opRow) map[string]opRow {
	for id, row := range rows {
		row.before = (*world).collect
		rows[id] = row
	}
	return rows
}

var chatRows = map[string]opRow{
	"portalChat": {path: "/agents/$agent/chat", body: `{"messages":[{"role":"user","content":"Hello"}],"model":"m","conversation_id":"c","partition_id":"p"}`, theirs: true,
		faults: append(noAgent("/chat"), []fault{
			{name: "nobody says it", body: `{"messages":[{"content":"Hello"}]}`, status: 400, says: "user"},
			{name: "a message that is text", body: `{"messages":["Hello"]}`, status: 400},
			{name: "nobody says it, streamed", body: `{"messages":[{"content":"Hello"}],"stream":true}`, status: 400, says: "user"},
			{name: "an empty conversation", body: `{"messages":[{"role":"user","content":"Hello"}],"conversation_id":" "}`, status: 400, says: "must not be empty"},
		}...)},
}

// noKnowledge are names of what is no knowledge base of the tenant's.
func noKnowledge(tail, body string) []fault {
	return []fault{
		{name: "another's knowledge base", path: "/knowledge-bases/$otherkb" + tail, body: body, status: 404, says: "there is no knowledge base"},
		{name: "a file", path: "/knowledge-bases/$file" + tail, body: body, status: 404, says: "there is no knowledge base"},
		{name: "the tenant", path: "/knowledge-bases/$tenant" + tail, body: body, status: 404},
	}
}

const png = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01"

// uploadFaults are those of uploads; first are the parts before the files.
func uploadFaults(first ...part) []fault {
	with := func(parts ...part) string { return upload(append(append([]part{}, first...), parts...)...) }
	good := notes("a.txt", "Ibex climb.")
	json := `{"name":"alps"}`
	return []fault{
		{name: "a picture that is called PDF", body: with(good, notes("a.pdf", png)), status: 400, says: "image/png"},
		{name: "a picture that is called text", body: with(good, part{"files", "b.txt", "text/plain", png}), status: 400, says: "image/png"},
		{name: "a picture", body: with(good, part{"files", "a.png", "image/png", png}), status: 415, says: "txt, md, html, json, csv, pdf and docx"},
		{name: "a docx that unpacks to very much", body: with(notes("a.docx", bomb())), status: 413, says: "a.docx"},
		{name: "a docx that is text", body: with(notes("a.docx", "hello")), status: 400, says: "not what it says"},
		{name: "broken JSON", body: with(good, notes("a.json", `{"a":`)), status: 400, says: "a.json"},
		{name: "an empty file", body: with(good, notes("b.txt", "")), status: 400, says: "b.txt holds no text"},
		{name: "a file that is too large", body: with(good, notes("b.txt", strings.Repeat("a", maxFile+1))), status: 413, says: "b.txt has more than 1048576 bytes"},
		{name: "two files of a name", body: with(good, good), status: 400, says: "two files"},
		{name: "too many files", body: with(many(101)...), status: 413, says: "100 files"},
		{name: "no files", body: upload(part{field: "name", content: "alps"}), status: 400, says: "there is no file"},
		{name: "a file without a name", body: with(part{field: "files", content: "Ibex climb."}), status: 400, says: "needs a filename"},
		{name: "a long field", body: upload(part{field: "note", content: strings.Repeat("a", 64<<10+1)}), status: 413},
		{name: "a long name of a file", body: with(notes(strings.Repeat("a", 300)+".txt", "Ibex climb.")), status: 400, says: "255"},
		{name: "not multipart", body: json, status: 415, says: "curl -F"},
		{name: "multipart without a boundary", body: json, headers: []string{"Content-Type", "multipart/form-data"}, status: 415},
		{name: "half a body", body: strings.TrimSuffix(with(good), "--\r\n"), status: 400, says: "not whole"},
		{name: "half a file", body: strings.Split(with(good), "climb")[0], status: 400, says: "not whole"},
	}
}

func many(n int) (all []part) {
	for i := range n {
		all = append(all, notes(strings.Repeat("a", i+1)+".txt", "Ibex climb."))
	}
	return all
}

// bomb is a docx that is small and unpacks to more than is read.
func bomb() string {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, content := range map[string]string{"[Content_Types].xml": "<Types/>", "word/document.xml": "<document>" + strings.Repeat(" ", 8<<20) + "</document>"} {
		f, err := z.Create(name)
		if err == nil {
			_, err = f.Write([]byte(content))
		}
		if err != nil {
			panic(err)
		}
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.String()
}
