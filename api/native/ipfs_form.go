package native

import (
	"mime"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"stemma/entity"
)

// ipfsForm is what a gateway's client and this server agreed on.
type ipfsForm struct {
	car  bool
	dups bool // a block is sent as often as it is linked to
	said bool // the URL alone says it
}

// offer is a media range of an Accept header that this server can answer.
type offer struct {
	car     bool
	dups    string
	quality float64
}

// negotiate finds out what to answer. The format in the URL comes before what
// is accepted, and so do the parameters there. KindInvalid when nothing is named
// that this server speaks: a trustless gateway has no form of its own choice.
func (in *getIPFSIn) negotiate() (form ipfsForm, err error) {
	const op = "native.negotiate"
	offers, foreign := in.offers()
	wanted := in.Format == "car"
	none := entity.Invalid(op, "no CAR that Accept names can be made here: version=1; order=dfs or unk; dups=y or n")
	if in.Format == "" {
		switch {
		case len(offers) == 0 && foreign:
			return form, none
		case len(offers) == 0:
			return form, entity.Invalid(op, "say in which form: format=raw, format=car, or an Accept header with %s or %s (version=1; order=dfs or unk; dups=y or n)", contentBlock, contentCAR)
		}
		wanted = offers[0].car
	}
	at := slices.IndexFunc(offers, func(o offer) bool { return o.car == wanted })
	if wanted && at < 0 && foreign {
		return form, none
	}
	form = ipfsForm{car: wanted, said: in.Format != "" && (at >= 0 || len(offers) == 0)}
	if !wanted {
		return form, nil
	}
	dups := in.Dups
	if dups == "" && at >= 0 {
		dups = offers[at].dups
		form.said = form.said && dups == ""
	}
	form.dups = dups == "y"
	return form, nil
}

// offers are the ranges of the Accept header that can be answered, the best one
// first; foreign tells whether there were CARs among them that cannot.
func (in *getIPFSIn) offers() (offers []offer, foreign bool) {
	for text := range strings.SplitSeq(in.Accept, ",") {
		name, params, err := mime.ParseMediaType(text)
		if err != nil {
			continue
		}
		o := offer{quality: 1, car: name == contentCAR, dups: params["dups"]}
		if q, err := strconv.ParseFloat(params["q"], 64); err == nil {
			o.quality = q
		}
		switch {
		case o.quality == 0, name != contentCAR && name != contentBlock:
			continue
		case o.car && !in.speaks(params):
			foreign = true
			continue
		}
		offers = append(offers, o)
	}
	slices.SortStableFunc(offers, func(a, b offer) int {
		switch {
		case a.quality > b.quality:
			return -1
		case a.quality < b.quality:
			return 1
		}
		return 0
	})
	return offers, foreign
}

// speaks tells whether a CAR with these parameters can be made; those in the
// URL come before them.
func (in *getIPFSIn) speaks(params map[string]string) bool {
	known := func(said, accepted string, values ...string) bool {
		return said != "" || accepted == "" || slices.Contains(values, accepted)
	}
	return known(in.Version, params["version"], "1") && known(in.Order, params["order"], "dfs", "unk") && known(in.Dups, params["dups"], "y", "n")
}

// location is where the answer can be had without an Accept header; "" when the
// request was that already.
func (f ipfsForm) location(in *getIPFSIn, c entity.CID) string {
	if f.said {
		return ""
	}
	q := url.Values{"format": {"raw"}}
	if f.car {
		q.Set("format", "car")
		q.Set("car-dups", f.dupsText())
	}
	for key, value := range map[string]string{"dag-scope": in.Scope, "entity-bytes": in.EntityBytes, "filename": in.Filename} {
		if value != "" {
			q.Set(key, value)
		}
	}
	return "/ipfs/" + c.String() + "?" + q.Encode()
}

func (f ipfsForm) dupsText() string {
	if f.dups {
		return "y"
	}
	return "n"
}

// onlyIfCached tells whether Cache-Control asks for what is here already.
func onlyIfCached(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		if strings.EqualFold(strings.TrimSpace(part), "only-if-cached") {
			return true
		}
	}
	return false
}
