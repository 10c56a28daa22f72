package portal_test

// memoryRows are those of partitions and conversations.
var memoryRows = map[string]opRow{
	"portalListPartitions": {path: "/partitions"},
	"portalCreatePartition": {path: "/partitions", body: `{"external_id":"new","parent_id":"$partition","title":"New"}`, status: 201, theirs: true, faults: append(noParent(`{"external_id":"new",`), []fault{
		{name: "a name that is taken", body: `{"external_id":"people"}`, status: 409, says: "choose another external_id"},
		{name: "blanks", body: `{"external_id":" "}`, status: 400, says: "must not be empty"},
	}...)},
	"portalUpdatePartition": {path: "/partitions/$emptypartition", body: `{"title":"Empty","parent_id":"$below"}`, theirs: true, faults: append(append(noParent(`{`), noPartition...), []fault{
		{name: "nothing", body: `{}`, status: 400, says: "nothing to change"},
		{name: "a title of blanks", body: `{"title":"  "}`, status: 400, says: "must not be empty"},
		{name: "itself", body: `{"parent_id":"$emptypartition"}`, status: 400, says: "cannot lie below itself"},
		{name: "one below itself", path: "/partitions/$partition", body: `{"parent_id":"$below"}`, status: 400, says: "cannot lie below itself"},
	}...)},
	"portalDeletePartition": {path: "/partitions/$emptypartition", theirs: true, faults: append([]fault{
		{name: "one with others below it", path: "/partitions/$partition", status: 409, says: "first"},
	}, noPartition...)},
	"portalListConversations": {path: "/conversations?partition_id=people&limit=1", who: map[string]int{above: 404}, faults: []fault{
		{name: "another's partition", path: "/conversations?partition_id=$otherpartition", status: 404, says: "there is no partition"},
		{name: "a partition of nobody", path: "/conversations?partition_id=nobody", status: 404},
		{name: "an agent", path: "/conversations?partition_id=$agent", status: 404},
		{name: "with another's agent", path: "/conversations?agent_id=$otheragent", status: 404, says: "there is no agent"},
		{name: "a cursor of no form", path: "/conversations?cursor=x", status: 400},
	}},
	"portalGetConversation":    {path: "/conversations/$conversation", theirs: true, faults: noConversation},
	"portalDeleteConversation": {path: "/conversations/$conversation", status: 204, owners: true, theirs: true, faults: noConversation},
}

// noParent are names of what is no partition of the tenant's, as the one above.
func noParent(open string) []fault {
	return []fault{
		{name: "below another's", body: open + `"parent_id":"$otherpartition"}`, status: 404, says: "there is no partition"},
		{name: "below an agent", body: open + `"parent_id":"$agent"}`, status: 404},
		{name: "below nobody", body: open + `"parent_id":"nobody"}`, status: 404},
	}
}

var noPartition = []fault{
	{name: "another's partition", path: "/partitions/$otherpartition", status: 404, says: "there is no partition"},
	{name: "a conversation", path: "/partitions/$conversation", status: 404},
}

var noConversation = []fault{
	{name: "another's conversation", path: "/conversations/$otherconversation", status: 404, says: "there is no conversation"},
	{name: "a partition", path: "/conversations/$partition", status: 404},
}
