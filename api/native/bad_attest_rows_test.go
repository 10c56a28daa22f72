package native_test

func badAttestRows() map[string]badRow {
	return map[string]badRow{
		"getEntityAttestation": {path: "/entities/$person/attestation", faults: []fault{
			{name: "of the test network", path: "/entities/$far/attestation", headers: []string{"X-Arke-Network", "test"}, status: 404},
		}},
		"getVersionAttestation": {path: "/versions/$person/1/attestation?format=bundle", faults: []fault{
			{name: "a version to come", path: "/versions/$person/9/attestation", status: 404},
			{name: "version 0", path: "/versions/$person/0/attestation", status: 400},
			{name: "version -1", path: "/versions/$person/-1/attestation", status: 400},
			{name: "the largest version", path: "/versions/$person/9223372036854775807/attestation", status: 404},
			{name: "a version past all", path: "/versions/$person/9223372036854775808/attestation", status: 400},
			{name: "the tip", path: "/versions/$person/tip/attestation", status: 400},
			{name: "of the test network", path: "/versions/$far/1/attestation", headers: []string{"X-Arke-Network", "test"}, status: 404},
		}},
		"getAttestationHead": {path: "/attestations/head", faults: []fault{
			{name: "of the test network", headers: []string{"X-Arke-Network", "test"}, status: 404},
		}},
		"getConsistencyProof": {path: "/attestations/consistency?from=1&to=2", faults: []fault{
			{name: "from nothing", path: "/attestations/consistency", status: 400},
			{name: "backwards", path: "/attestations/consistency?from=2&to=1", status: 400},
			{name: "beyond the tree", path: "/attestations/consistency?from=1&to=1000000", status: 404},
			{name: "all beyond the tree", path: "/attestations/consistency?from=1000000", status: 400},
			{name: "of the test network", headers: []string{"X-Arke-Network", "test"}, status: 404},
		}},
		"verifyAttestation": {path: "/attestations/verify/$persontip", faults: []fault{
			{name: "against nothing known", path: "/attestations/verify/$persontip?check=moon", status: 400},
			{name: "the CID of nothing", path: "/attestations/verify/$nocid", status: 404},
			{name: "the CID of content", path: "/attestations/verify/bafkreidykglsfhoixmivffc5uwhcgshx4j465xwqntbmu43nb2dzqwfvae", status: 404},
			{name: "no anchor of ours", path: "/attestations/verify/BNttzDav3jHVnNiV7nYbQv-GY0HQ-4XXsdkE5K9ylHQ", status: 404},
			{name: "an id", path: "/attestations/verify/$person", status: 404},
			{name: "of the test network", headers: []string{"X-Arke-Network", "test"}, status: 404},
		}},
		"getCheckpoint": {path: "/tlog/checkpoint", faults: []fault{
			{name: "of the test network", headers: []string{"X-Arke-Network", "test"}, status: 404},
		}},
		"getTile": {path: "/tlog/tile/0/000.p/3", faults: []fault{
			{name: "nothing", path: "/tlog/tile/", status: 404},
			{name: "a full tile that is not", path: "/tlog/tile/0/999", status: 404},
			{name: "an empty tile", path: "/tlog/tile/0/000.p/0", status: 404},
			{name: "a level that is not there", path: "/tlog/tile/63/000.p/1", status: 404},
			{name: "a level past all", path: "/tlog/tile/64/000.p/1", status: 404},
			{name: "a number without its zeros", path: "/tlog/tile/0/0.p/1", status: 404},
			{name: "a bundle beyond the tree", path: "/tlog/tile/entries/x001/000.p/1", status: 404},
			{name: "a way out", path: "/tlog/tile/0/..%2F..%2Fstate", status: 404},
			{name: "of the test network", headers: []string{"X-Arke-Network", "test"}, status: 404},
		}},
	}
}
