package native_test

import (
	"strings"
	"testing"
)

// fileFixture makes files to do wrong with:
//
//	file   waits for 7 bytes of application/json under the key "1"; what a JSON
//	       body of the table is, so that its good request is an upload
//	full   has "content" under the key "1"
//	again  had that, and waits for content under the key "2"
//	gone   had that, and is deleted
func fileFixture(t *testing.T, w *rig, vars map[string]string, post func(name, path, body string), keep func(string, object)) {
	t.Helper()
	for _, name := range []string{"file", "full", "again", "gone"} {
		post(name, "/files", `{"key":"1","filename":"f.json","content_type":"application/json","size":7}`)
		e := object{"id": vars[name], "cid": vars[name+"tip"]}
		path := "/files/" + vars[name]
		if name != "file" {
			e = w.must(t, 200, "POST", path+"/content", 1234567)
		}
		switch name {
		case "again":
			e = w.must(t, 200, "POST", path+"/reupload", object{"expect_tip": e["cid"], "key": "2", "content_type": "text/plain", "size": 3})
		case "gone":
			e = w.must(t, 200, "DELETE", "/entities/"+e["id"].(string), object{"expect_tip": e["cid"]})
		}
		keep(name, e)
	}
}

// hostile are names that would lead out of a directory, break a header or lie
// to the eye. None is a filename, none a key.
var hostile = []string{
	`..`, `.`, `/`, `/etc/passwd`, `../../etc/passwd`, `a/../b`, `a/./b`, `a/..`, `..\\..\\boot.ini`, `C:\\a`,
	`a\u0000b`, `a\nb`, `a\r\nX-Injected: 1`, `a\tb`, `\u007f`, `\u0085`, `gpj.\u202eexe`, `a\u2066b`, `a\u2028b`,
}

// badNames are those bodies with a hostile name in the place of NAME.
func badNames(body string, more ...string) (faults []fault) {
	for _, name := range append(append([]string(nil), hostile...), more...) {
		faults = append(faults, fault{name: body + " with " + name, body: strings.ReplaceAll(body, "NAME", name), status: 400})
	}
	return faults
}

func badTypes(body string) (faults []fault) {
	for _, kind := range []string{"text", "text/", "/plain", "text/plain/x", "text plain", "text/plain; charset", "text/plain\\r\\nX: 1", "text/plain; a=\\u00e9", "téxt/plain", "a/" + strings.Repeat("x", 300)} {
		faults = append(faults, fault{name: "the type " + kind, body: strings.ReplaceAll(body, "TYPE", kind), status: 400})
	}
	return faults
}

func badFileRows() map[string]badRow {
	return map[string]badRow{
		"createFile":   badCreateFile(),
		"getFile":      {path: "/files/$file", faults: []fault{{name: "no file", path: "/files/$note", status: 404}, {name: "expansion of nonsense", path: "/files/$file?expand=all", status: 400}}},
		"updateFile":   badUpdateFile(),
		"uploadFile":   badUploadFile(),
		"downloadFile": badDownloadFile(),
		"reuploadFile": badReuploadFile(),
	}
}

func badCreateFile() badRow {
	const good = `{"key":"k/1","filename":"a.txt","content_type":"text/plain; charset=utf-8","size":5,"label":"l","description":"d","properties":{"a":1},"relationships":[{"predicate":"p","peer":"$note"}],"collection":"$coll","note":"n"}`
	with := func(name, more string, status int) fault {
		return fault{name: name, body: `{"key":"1","filename":"a","content_type":"text/plain","size":1,` + more + `}`, status: status}
	}
	row := badRow{path: "/files", body: good, status: 201, faults: []fault{
		with("an unknown collection", `"collection":"$none"`, 404),
		with("a collection that is a note", `"collection":"$note"`, 400),
		with("content by hand", `"properties":{"cid":"bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq"}`, 400),
		with("a manifest past 4 MiB", `"properties":{"a":"`+strings.Repeat("x", 4<<20)+`"}`, 413),
		{name: "past the limit", body: `{"key":"1","filename":"a","content_type":"text/plain","size":524288001}`, status: 400},
		{name: "half a byte", body: `{"key":"1","filename":"a","content_type":"text/plain","size":0.5}`, status: 400},
	}}
	row.faults = append(row.faults, badNames(`{"key":"1","filename":"NAME","content_type":"text/plain","size":1}`, "a/b")...)
	row.faults = append(row.faults, badNames(`{"key":"NAME","filename":"a","content_type":"text/plain","size":1}`, "/a")...)
	row.faults = append(row.faults, badTypes(`{"key":"1","filename":"a","content_type":"TYPE","size":1}`)...)
	return row
}

func badUpdateFile() badRow {
	edit := func(name, more string) fault {
		return fault{name: name, body: `{"expect_tip":"$fulltip",` + more + `}`, status: 400}
	}
	row := badRow{path: "/files/$full", body: `{"expect_tip":"$fulltip","key":"1","filename":"b.json","content_type":"text/plain","size":7,"label":"l","description":"d","note":"n","properties":{"a":1},"properties_remove":["b"],"relationships_add":[{"predicate":"p","peer":"$note","properties":{}}],"relationships_remove":[{"predicate":"q"}]}`,
		faults: append(badEdits("fulltip"),
			fault{name: "no file", path: "/files/$note", body: `{"expect_tip":"$notetip"}`, status: 404},
			fault{name: "a deleted file", path: "/files/$gone", body: `{"expect_tip":"$gonetip"}`, status: 400},
			fault{name: "a key without content", path: "/files/$again", body: `{"expect_tip":"$againtip","key":"3"}`, status: 400},
			edit("a key that never was", `"key":"2"`),
			edit("another size than the content's", `"size":8`),
			edit("no longer uploaded", `"properties":{"uploaded":false}`),
			edit("uploaded, as text", `"properties":{"uploaded":"true"}`),
			edit("content by hand", `"properties":{"cid":"bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq"}`),
			edit("its content taken away", `"properties_remove":["cid"]`),
			edit("its key taken away", `"properties_remove":["key"]`),
			edit("its size taken away", `"properties_remove":["size"]`),
			edit("a size by properties", `"properties":{"size":-1}`),
			edit("a filename by properties", `"properties":{"filename":"../a"}`),
		)}
	row.faults = append(row.faults, badNames(`{"expect_tip":"$fulltip","filename":"NAME"}`, "a/b")...)
	row.faults = append(row.faults, badTypes(`{"expect_tip":"$fulltip","content_type":"TYPE"}`)...)
	return row
}

func badReuploadFile() badRow {
	again := func(name, more string, status int) fault {
		return fault{name: name, body: `{"expect_tip":"$againtip",` + more + `}`, status: status}
	}
	row := badRow{path: "/files/$again/reupload", body: `{"expect_tip":"$againtip","note":"n","key":"3","content_type":"text/plain","size":5,"filename":"b","label":"l","description":"d"}`, faults: []fault{
		{name: "a tip that was", body: `{"expect_tip":"$old","key":"3","content_type":"text/plain","size":5}`, status: 409},
		{name: "no file", path: "/files/$note/reupload", body: `{"expect_tip":"$notetip","key":"3","content_type":"text/plain","size":5}`, status: 404},
		{name: "a deleted file", path: "/files/$gone/reupload", body: `{"expect_tip":"$gonetip","key":"3","content_type":"text/plain","size":5}`, status: 400},
		again("a key with content", `"key":"1","content_type":"text/plain","size":5`, 409),
		again("the key it waits under", `"key":"2","content_type":"text/plain","size":5`, 409),
		again("past the limit", `"key":"3","content_type":"text/plain","size":524288001`, 400),
	}}
	row.faults = append(row.faults, badNames(`{"expect_tip":"$againtip","key":"NAME","content_type":"text/plain","size":1}`)...)
	row.faults = append(row.faults, badNames(`{"expect_tip":"$againtip","key":"3","content_type":"text/plain","size":1,"filename":"NAME"}`, "a/b")...)
	row.faults = append(row.faults, badTypes(`{"expect_tip":"$againtip","key":"3","content_type":"TYPE","size":1}`)...)
	return row
}

func badUploadFile() badRow {
	row := badRow{path: "/files/$file/content", body: `1234567`, faults: []fault{
		{name: "no file", path: "/files/$note/content", status: 404},
		{name: "a deleted file", path: "/files/$gone/content", status: 400},
		{name: "content that is there", path: "/files/$full/content", status: 409},
		{name: "other content than is there", path: "/files/$full/content", body: `{"a":1}`, status: 409},
		{name: "a byte less", body: `123456`, status: 400},
		{name: "a byte more", body: `12345678`, status: 400},
		{name: "a length that lies, less", length: 6, status: 400},
		{name: "a length that lies, more", length: 8, status: 400},
		{name: "a length past the limit", length: 524288001, status: 413},
		{name: "a length past any limit", length: 1<<63 - 1, status: 413},
	}}
	for _, kind := range []string{"", "text/plain", "application/octet-stream", "application/json; charset=utf-8", "application", "application/json, text/plain", "multipart/form-data; boundary=x", "\xff"} {
		row.faults = append(row.faults, fault{name: "the type " + kind, headers: []string{"Content-Type", kind}, status: 400})
	}
	return row
}

func badDownloadFile() badRow {
	return badRow{path: "/files/$full/content", faults: []fault{
		{name: "no file", path: "/files/$note/content", status: 404},
		{name: "a deleted file", path: "/files/$gone/content", status: 404},
		{name: "not uploaded yet", path: "/files/$file/content", status: 404},
		{name: "not uploaded again", path: "/files/$again/content", status: 404},
		{name: "a range past the end", headers: []string{"Range", "bytes=7-"}, status: 416},
		{name: "a range far past the end", headers: []string{"Range", "bytes=9223372036854775806-9223372036854775807"}, status: 416},
		{name: "a range that ends before it begins", headers: []string{"Range", "bytes=5-2"}, status: 416},
		{name: "a range of no number", headers: []string{"Range", "bytes=a-b"}, status: 416},
		{name: "a range of a number past 64 bits", headers: []string{"Range", "bytes=0-99999999999999999999"}, status: 416},
		{name: "a range of other things", headers: []string{"Range", "lines=1-2"}, status: 416},
		{name: "another content", headers: []string{"If-Match", `"$fulltip"`}, status: 412},
	}}
}
