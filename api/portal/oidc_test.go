package portal_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"stemma/api/auth"
	"stemma/api/auth/authtest"
	"stemma/api/llm/tenant"
	"stemma/entity"
)

// browse is a browser that goes to a path with a cookie.
func (w *rig) browse(path, cookie string) *httptest.ResponseRecorder {
	w.t.Helper()
	r := httptest.NewRequest("GET", "http://stemma"+path, nil)
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	out := httptest.NewRecorder()
	w.ServeHTTP(out, r)
	return out
}

// begin sends a browser to the provider: where it goes, and the cookie that it has.
func (w *rig) begin(query string) (to, cookie string) {
	w.t.Helper()
	out := w.browse("/v1/portal/auth/oidc/start"+query, "")
	if out.Code != http.StatusSeeOther || len(out.Result().Cookies()) != 1 {
		w.t.Fatalf("%d %v %s", out.Code, out.Header(), out.Body)
	}
	c := out.Result().Cookies()[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/v1/portal/auth/oidc" || c.MaxAge != 600 {
		w.t.Errorf("the cookie %s", c)
	}
	return out.Header().Get("Location"), c.Name + "=" + c.Value
}

// comeBack is where the application is opened after the provider's answer.
func (w *rig) comeBack(query, cookie string) *url.URL {
	w.t.Helper()
	out := w.browse("/v1/portal/auth/oidc/callback?"+query, cookie)
	if out.Code != http.StatusSeeOther || out.Header().Get("Referrer-Policy") != "no-referrer" || out.Header().Get("Cache-Control") != "no-store" {
		w.t.Fatalf("%d %v %s", out.Code, out.Header(), out.Body)
	}
	u, err := url.Parse(out.Header().Get("Location"))
	w.ok(err)
	if u.Path != "/app/sign-in" || u.Host != "" {
		w.t.Fatalf("sent to %s", u)
	}
	return u
}

// exchange asks for the session.
func (w *rig) exchange(code, cookie string) *httptest.ResponseRecorder {
	w.t.Helper()
	r := httptest.NewRequest("POST", "http://stemma/v1/portal/auth/oidc/session", strings.NewReader(`{"code":"`+code+`"}`))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Cookie", cookie)
	out := httptest.NewRecorder()
	w.ServeHTTP(out, r)
	return out
}

// signInBy is a whole sign-in by the provider.
func (w *rig) signInBy(query string, status int) object {
	w.t.Helper()
	to, cookie := w.begin(query)
	u := w.comeBack(w.provider.Consent(to).RawQuery, cookie)
	code, ok := strings.CutPrefix(u.Fragment, "oidc=")
	if !ok {
		w.t.Fatalf("sent to %s", u)
	}
	out := w.exchange(code, cookie)
	if out.Code != status {
		w.t.Fatalf("%d, want %d: %s", out.Code, status, out.Body)
	}
	if again := w.exchange(code, cookie); again.Code != http.StatusBadRequest {
		w.t.Errorf("the code is good twice: %d %s", again.Code, again.Body)
	}
	return decode(w.t, out.Body.Bytes())
}

// begun and returned bring a world to where a row begins.
func (w *world) begun() {
	to, cookie := w.begin("")
	back := w.provider.Consent(to).Query()
	_, w.vars["browser"], _ = strings.Cut(cookie, "=")
	w.vars["state"], w.vars["back"] = back.Get("state"), back.Get("code")
}

func (w *world) returned() {
	w.begun()
	u := w.comeBack("state="+w.vars["state"]+"&code="+w.vars["back"], "stemma_oidc="+w.vars["browser"])
	w.vars["code"] = strings.TrimPrefix(u.Fragment, "oidc=")
}

// Somebody new has a tenant of their own, called after them; the next time they
// are the same, whatever their name is by then.
func TestSignInByProvider(t *testing.T) {
	w := newRig(t)
	w.provider.Says(authtest.Claims{"email": "alice@example.com", "email_verified": true}, nil)
	first := w.signInBy("?next=%2Fapp%2Fruns%3Fq%3Dx", 200)
	if text(first, "next") != "/app/runs?q=x" || text(first, "tenant", "name") != "Alice's team" || text(first, "user", "email") != "alice@example.com" {
		t.Error(first)
	}
	me := w.must(200, text(first, "token"), "GET", "/me", nil)
	if text(me, "user", "id") != text(first, "user", "id") || text(me, "user", "role") != "owner" {
		t.Error(me)
	}
	w.provider.Says(authtest.Claims{"name": "Alice B.", "email": "b@example.com", "email_verified": true}, nil)
	w.clock.Advance(time.Minute)
	again := w.signInBy("", 200)
	if personOf(again).id != personOf(first).id || personOf(again).tenant != personOf(first).tenant || text(again, "user", "email") != "b@example.com" {
		t.Error(again)
	}
	members := w.must(200, text(again, "token"), "GET", "/members", nil)
	if text(members, "members", 0, "name") != "Alice" || text(members, "members", 0, "email") != "b@example.com" {
		t.Error(members)
	}
}

// An address is nobody's proof: neither one that the provider has verified nor one
// that it has not opens the account of who typed it here first.
func TestAddressesProveNobody(t *testing.T) {
	w := newRig(t)
	ann := w.signUp("ann")
	for _, verified := range []bool{true, false} {
		w.provider.Says(authtest.Claims{"sub": map[bool]string{true: "x", false: "y"}[verified], "email": "ann@example.com", "email_verified": verified}, nil)
		got := w.signInBy("", 200)
		if personOf(got).id == ann.id {
			t.Errorf("verified %v: it is Ann", verified)
		}
		if want := map[bool]string{true: "ann@example.com"}[verified]; text(got, "user", "email") != want {
			t.Errorf("verified %v: shown as %q", verified, text(got, "user", "email"))
		}
	}
	w.must(200, "", "POST", "/auth/login", object{"email": "ann@example.com", "password": password})
}

// An invitation is carried through, for who is new and for who is not, also where
// the server takes nobody new without; one that is no good makes nobody.
func TestInvitedByProvider(t *testing.T) {
	w := newRig(t)
	ann := w.signUp("ann")
	invite := func() string { return text(w.must(201, ann.token, "POST", "/invites", object{"maxUses": 1}), "token") }
	w.closed(true)
	if out := w.signInBy("", 403); !strings.Contains(text(out, "error", "message"), "no new accounts") {
		t.Error(out)
	}
	got := w.signInBy("?invite="+invite(), 200)
	if personOf(got).tenant != ann.tenant || len(at(got, "tenants").([]any)) != 1 {
		t.Error(got)
	}
	w.closed(false)
	w.provider.Says(authtest.Claims{"sub": "bob", "name": "Bob"}, nil)
	first := w.signInBy("", 200)
	if joined := w.signInBy("?invite="+invite(), 200); personOf(joined).tenant != ann.tenant || personOf(joined).id != personOf(first).id || len(at(joined, "tenants").([]any)) != 2 {
		t.Error(joined)
	}
	used := invite()
	w.provider.Says(authtest.Claims{"sub": "cid"}, nil)
	w.signInBy("?invite="+used, 200)
	before := w.store.Seq()
	w.provider.Says(authtest.Claims{"sub": "dan"}, nil)
	if out := w.signInBy("?invite="+used, 400); text(out, "error", "param") != "inviteToken" || w.store.Seq() != before {
		t.Errorf("%v, and the log went from %d to %d", out, before, w.store.Seq())
	}
}

// closed has the server take new accounts, or none.
func (w *rig) closed(yes bool) {
	w.t.Helper()
	_, err := w.store.Update(w.t.Context(), entity.Actor{Method: entity.MethodSystem}, func(tx entity.Tx) error { return tenant.Server{NoSignups: yes}.Put(tx) })
	w.ok(err)
}

// Who left every tenant gets one of their own when they come back; who was deleted
// is told so.
func TestComeBackByProvider(t *testing.T) {
	w := newRig(t)
	ann := w.signUp("ann")
	w.closed(true)
	mia := personOf(w.signInBy("?invite="+text(w.must(201, ann.token, "POST", "/invites", object{}), "token"), 200))
	w.must(204, mia.token, "POST", "/tenants/"+ann.tenant+"/leave", nil)
	if out := w.signInBy("", 403); !strings.Contains(text(out, "error", "message"), "in no tenant") {
		t.Error(out)
	}
	w.closed(false)
	if got := personOf(w.signInBy("", 200)); got.id != mia.id || got.tenant == ann.tenant {
		t.Error(got)
	}
	_, err := w.store.Update(t.Context(), entity.Actor{UserID: "system", Method: entity.MethodSystem}, func(tx entity.Tx) error {
		return tenant.Bury(tx, entity.ID(mia.id), entity.Any, w.clock.Now())
	})
	w.ok(err)
	if out := w.signInBy("", 403); !strings.Contains(text(out, "error", "message"), "deleted") {
		t.Error(out)
	}
}

// Whatever comes back that is not the one answer to the one question of this
// browser ends at the page to sign in, with one word of a few.
func TestSignInProblems(t *testing.T) {
	w := newRig(t)
	problem := func(name, want, query, cookie string) {
		t.Helper()
		before := w.store.Seq()
		u := w.comeBack(query, cookie)
		if u.Fragment != "problem="+want {
			t.Errorf("%s: sent to %s", name, u)
		}
		if w.store.Seq() != before {
			t.Errorf("%s: something was written", name)
		}
	}
	state := func(to string) string { u, err := url.Parse(to); w.ok(err); return u.Query().Get("state") }
	to, cookie := w.begin("?next=%2Fapp%2Fkeys")
	good := w.provider.Consent(to).RawQuery
	problem("nothing", "expired", "", cookie)
	problem("no state", "expired", "code=x", cookie)
	problem("another state", "expired", "code=x&state=y", cookie)
	problem("no cookie", "expired", good, "")
	problem("another browser", "expired", good, "stemma_oidc=another")
	if u := w.comeBack(good, cookie); !strings.HasPrefix(u.Fragment, "oidc=") || u.Query().Get("next") != "/app/keys" {
		t.Errorf("after others have tried: %s", u)
	}
	problem("a second time", "expired", good, cookie)

	for name, c := range map[string]struct{ answer, want string }{
		"the provider says no":         {"error=access_denied", "denied"},
		"it asks for something":        {"error=login_required&error_description=x", "denied"},
		"it cannot":                    {"error=temporarily_unavailable", "unreachable"},
		"neither code nor error":       {"", "refused"},
		"a code that it does not know": {"code=nonsense", "refused"},
		"another issuer":               {"code=x&iss=https://another.example", "refused"},
	} {
		to, cookie := w.begin("")
		problem(name, c.want, c.answer+"&state="+state(to), cookie)
		problem(name+", again", "expired", c.answer+"&state="+state(to), cookie)
	}
	for name, changes := range map[string]authtest.Claims{"another nonce": {"nonce": "x"}, "another audience": {"aud": "x"}, "expired": {"exp": w.clock.Now().Unix()}} {
		w.provider.Says(changes, nil)
		to, cookie := w.begin("")
		problem(name, "refused", w.provider.Consent(to).RawQuery, cookie)
	}
	w.provider.Says(nil, nil)
	to, cookie = w.begin("")
	good = w.provider.Consent(to).RawQuery
	w.clock.Advance(auth.SignInLifetime)
	problem("too late", "expired", good, cookie)

	to, cookie = w.begin("")
	good = w.provider.Consent(to).RawQuery
	w.provider.Down.Store(true)
	problem("the provider is down", "unreachable", good, cookie)
	w.provider.Down.Store(false)

	to, cookie = w.begin("")
	code := strings.TrimPrefix(w.comeBack(w.provider.Consent(to).RawQuery, cookie).Fragment, "oidc=")
	w.clock.Advance(2 * time.Minute)
	if out := w.exchange(code, cookie); out.Code != 400 {
		t.Errorf("a code that is too old: %d %s", out.Code, out.Body)
	}
}

// A provider that is down from the start is told where people sign in; one that
// many ask for is asked no more than a client may.
func TestStartSignIn(t *testing.T) {
	w := newRig(t)
	w.provider.Down.Store(true)
	out := w.browse("/v1/portal/auth/oidc/start?next=/app/keys&invite=abc", "")
	if at := out.Header().Get("Location"); out.Code != 303 || at != "/app/sign-in?invite=abc&next=%2Fapp%2Fkeys#problem=unreachable" {
		t.Errorf("%d %s", out.Code, at)
	}
	w.provider.Down.Store(false)
	w.clock.Advance(time.Minute)
	for i := 0; ; i++ {
		out := w.browse("/v1/portal/auth/oidc/start", "")
		if out.Code == http.StatusTooManyRequests && i == 50 {
			break
		}
		if out.Code != http.StatusSeeOther || i > 50 {
			t.Fatalf("%d: %d %s", i, out.Code, out.Body)
		}
	}
}
