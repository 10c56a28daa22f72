package native_test

func badAgentRows() map[string]badRow {
	create := func(name, rest string, status int) fault {
		return fault{name: name, body: `{"label":"a","collection":"$coll","endpoint":"https://a.example","actions_required":["entity:view"],` + rest + `}`, status: status}
	}
	edit := func(name, rest string) fault {
		return fault{name: name, body: `{"expect_tip":"$bottip",` + rest + `}`, status: 400}
	}
	status := "/agents/$bot/jobs/job_$job/status"
	return map[string]badRow{
		"signingKey": {path: "/.well-known/signing-key"},
		"createAgent": {path: "/agents", body: `{"label":"a","id":"01KDVR0000000000000000F5EE","collection":"$coll","endpoint":"https://a.example/x","actions_required":["entity:view"],"description":"d","uses_agents":[{"pi":"$robot","label":"l","description":"d"}],"input_schema":{},"output_schema":{},"properties":{},"relationships":[{"predicate":"p","peer":"$note"}],"note":"n"}`, status: 201, faults: []fault{
			create("an id taken", `"id":"$bot"`, 409),
			create("an id of the other network", `"id":"$far"`, 400),
			{name: "no collection", body: `{"label":"a","endpoint":"https://a.example","actions_required":["entity:view"]}`, status: 400},
			{name: "an unknown collection", body: `{"label":"a","collection":"$none","endpoint":"https://a.example","actions_required":["entity:view"]}`, status: 404},
			{name: "a collection that is a note", body: `{"label":"a","collection":"$note","endpoint":"https://a.example","actions_required":["entity:view"]}`, status: 400},
			{name: "an endpoint that is no URL", body: `{"label":"a","collection":"$coll","endpoint":"a.example","actions_required":["entity:view"]}`, status: 400},
			{name: "an endpoint of a file", body: `{"label":"a","collection":"$coll","endpoint":"file:///etc/passwd","actions_required":["entity:view"]}`, status: 400},
			{name: "an endpoint with a password", body: `{"label":"a","collection":"$coll","endpoint":"https://u:p@a.example","actions_required":["entity:view"]}`, status: 400},
			{name: "an endpoint with a query", body: `{"label":"a","collection":"$coll","endpoint":"https://a.example/?a=b","actions_required":["entity:view"]}`, status: 400},
			{name: "an action of no verb", body: `{"label":"a","collection":"$coll","endpoint":"https://a.example","actions_required":["entity:fly"]}`, status: 400},
			{name: "no actions", body: `{"label":"a","collection":"$coll","endpoint":"https://a.example","actions_required":[]}`, status: 400},
			create("active from the start", `"properties":{"status":"active"}`, 400),
			create("verified by hand", `"properties":{"endpoint_verified_at":"2026-01-01T00:00:00.000Z"}`, 400),
			create("its own fields in the bag", `"properties":{"endpoint":"https://b.example"}`, 400),
			create("uses what is no id", `"uses_agents":[{"pi":"me"}]`, 400),
			create("uses nothing", `"uses_agents":[{"label":"x"}]`, 400),
		}},
		"getAgent": {path: "/agents/$bot", faults: []fault{{name: "a note", path: "/agents/$note", status: 404}}},
		"updateAgent": {path: "/agents/$bot", body: `{"expect_tip":"$bottip","label":"b","description":"d","status":"disabled","actions_required":["entity:view"],"uses_agents":[],"input_schema":{"a":1},"output_schema":{"a":1},"properties":{"a":1},"relationships_add":[{"predicate":"p","peer":"$note"}]}`, faults: append(badEdits("bottip"),
			fault{name: "a note", path: "/agents/$note", body: `{"expect_tip":"$notetip"}`, status: 404},
			fault{name: "active and not verified", path: "/agents/$idle", body: `{"expect_tip":"$idletip","status":"active"}`, status: 400},
			fault{name: "active by the bag", path: "/agents/$idle", body: `{"expect_tip":"$idletip","properties":{"status":"active"}}`, status: 400},
			edit("another time of verification", `"properties":{"endpoint_verified_at":"2030-01-01T00:00:00.000Z"}`),
			edit("no verification, and active", `"properties_remove":["endpoint_verified_at"]`),
			edit("an endpoint that is no URL", `"endpoint":"agent"`),
			edit("no label", `"properties_remove":["label"]`),
			edit("its owner removed", `"relationships_remove":[{"predicate":"owner"}],"properties":{"roles":{"owner":["x"]}}`),
		)},
		"verifyAgent": {path: "/agents/$bot/verify", body: `{"confirm":false}`, faults: []fault{
			{name: "a note", path: "/agents/$note/verify", status: 404},
			{name: "an agent without an endpoint", path: "/agents/$robot/verify", status: 400},
		}},
		"invokeAgent": {path: "/agents/$bot/invoke", body: `{"target":"$coll","job_collection":"$coll","input":{"a":1},"expires_in":60,"confirm":false}`, faults: []fault{
			{name: "a note", path: "/agents/$note/invoke", status: 404},
			{name: "in development", path: "/agents/$idle/invoke", status: 400},
			{name: "in development, confirmed", path: "/agents/$idle/invoke", body: `{"target":"$coll","confirm":true}`, status: 400},
			{name: "a target that is no collection", body: `{"target":"$person"}`, status: 400},
			{name: "a target that is none", body: `{"target":"$none","confirm":true}`, status: 404},
			{name: "a target of the other network", body: `{"target":"$far"}`, status: 404},
			{name: "jobs in no collection", body: `{"target":"$coll","job_collection":"$note"}`, status: 400},
			{name: "jobs in what is not there", body: `{"target":"$coll","job_collection":"$none","confirm":true}`, status: 404},
			{name: "for 59 seconds", body: `{"target":"$coll","expires_in":59}`, status: 400},
			{name: "for more than a day", body: `{"target":"$coll","expires_in":86401}`, status: 400},
		}},
		"getJobStatus": {path: status + "?detail=full&errors=5", faults: []fault{
			{name: "a note", path: "/agents/$note/jobs/job_$job/status", status: 404},
			{name: "of another agent", path: "/agents/$bot/jobs/job_$other/status", status: 404},
			{name: "of nobody", path: "/agents/$bot/jobs/job_$none/status", status: 404},
			{name: "a note as a job", path: "/agents/$bot/jobs/job_$note/status", status: 404},
			{name: "a job of the other network", path: "/agents/$bot/jobs/job_$far/status", status: 404},
			{name: "an id that is no job's", path: "/agents/$bot/jobs/$job/status", status: 404},
			{name: "a detail there is not", path: status + "?detail=some", status: 400},
			{name: "101 errors", path: status + "?errors=101", status: 400},
		}},
	}
}
