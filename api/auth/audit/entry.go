package audit

import (
	"log/slog"
	"net/netip"
	"time"

	"stemma/entity"
)

// Action is what an entry tells of.
type Action string

// The actions.
const (
	Login       Action = "auth.login"
	LoginFailed Action = "auth.login_failed"
	Logout      Action = "auth.logout"
	Refresh     Action = "auth.refresh"
	Signup      Action = "auth.signup"
	Register    Action = "auth.register"
	Password    Action = "auth.password"
	KeyCreated  Action = "key.created"
	KeyRevoked  Action = "key.revoked"
	KeyUsed     Action = "key.used"
	Changed     Action = "config.changed" // settings, providers, prices, grants, people
	Denied      Action = "access.denied"
)

// What is an entry without its time. Two that are equal are counted together.
type What struct {
	Network    entity.Network
	Action     Action
	Principal  entity.ID // whose roles counted; "" of nobody known
	Kind       string    // of the principal
	By         entity.ID // the service that acted for the principal
	Credential string    // the prefix of a key, or the name of another form
	Addr       netip.Addr
	UserAgent  string
	Op         string    // the operation's ID
	Target     entity.ID // what it was done to
	Reason     string    // of a refusal: unauthenticated or forbidden
	Given      string    // of a change: what the request had, by name, with values that cannot be secrets
}

// Entry is a line of the account.
type Entry struct {
	What
	First, Last time.Time
	Count       int64
	dropped     int64 // entries lost before this one
}

// field is a member of an entry as blocks and logs have it.
type field struct {
	name  string
	value any
}

const maxText = 256 // bytes of a text that a stranger chose

// fields are what there is to tell, in order.
func (e *Entry) fields() []field {
	all := []field{{"action", string(e.Action)}, {"at", entity.FormatTime(e.First)}, {"principal", string(e.Principal)}}
	text := func(name, value string) {
		if value != "" {
			all = append(all, field{name, clip(value)})
		}
	}
	text("kind", e.Kind)
	text("by", string(e.By))
	text("credential", e.Credential)
	if e.Addr.IsValid() {
		text("ip", e.Addr.String())
	}
	text("user_agent", e.UserAgent)
	text("op", e.Op)
	text("target", string(e.Target))
	text("reason", e.Reason)
	text("given", e.Given)
	all = append(all, field{"count", e.Count})
	if e.Count > 1 {
		all = append(all, field{"first", entity.FormatTime(e.First)}, field{"last", entity.FormatTime(e.Last)})
	}
	if e.dropped > 0 {
		all = append(all, field{"dropped", e.dropped})
	}
	return all
}

func (e *Entry) properties() map[string]any {
	p := map[string]any{}
	for _, f := range e.fields() {
		p[f.name] = f.value
	}
	return p
}

func (e *Entry) attrs() []slog.Attr {
	attrs := []slog.Attr{slog.String("network", string(e.Network))}
	for _, f := range e.fields() {
		attrs = append(attrs, slog.Any(f.name, f.value))
	}
	return attrs
}

// level is how loud the log is: keys are used all the time.
func (e *Entry) level() slog.Level {
	if e.Action == KeyUsed {
		return slog.LevelDebug
	}
	return slog.LevelInfo
}
