package admin_test

import (
	"strings"
	"testing"
)

// Where the server takes no new accounts people ask to be let in, and sign up with
// the code that the operator makes: with their address, once, into a tenant of their
// own. Addresses and codes are in no version of anything.
func TestBeta(t *testing.T) {
	w := newRig(t)
	w.admin(200, "PUT", "/settings", object{"signupsEnabled": false})
	ask := func(status int, email string) {
		t.Helper()
		if got := w.must(status, "", "POST", "/v1/beta/signup", object{"email": email, "name": "Ann"}); text(got, "status") != "registered" {
			t.Error(got)
		}
	}
	signUp := func(status int, email, code string) object {
		t.Helper()
		return w.must(status, "", "POST", "/v1/portal/auth/signup", object{"email": email, "password": "correct horse", "tenantName": "Ann's", "inviteToken": code})
	}
	ask(201, "ann@example.com")
	ask(201, "bob@example.com")
	ask(200, " Ann@Example.com ")
	signUp(403, "ann@example.com", "")
	list := w.admin(200, "GET", "/beta/signups", nil)
	if text(list, "signups", 0, "email") != "bob@example.com" || text(list, "signups", 1, "status") != "pending" || text(list, "signups", 1, "inviteCode") != "" {
		t.Fatal(list)
	}
	first := w.admin(200, "POST", "/beta/approve/"+text(list, "signups", 1, "id"), nil)
	code := text(first, "inviteCode")
	if again := w.admin(200, "POST", "/beta/approve/"+text(list, "signups", 1, "id"), nil); !strings.HasPrefix(code, "beta_") || text(again, "inviteCode") != code || text(again, "status") != "approved" {
		t.Errorf("%v, %v", first, again)
	}
	signUp(400, "bob@example.com", code)
	signUp(400, "ann@example.com", "beta_another")
	in := signUp(201, "Ann@example.com", code)
	if text(in, "tenant", "name") != "Ann's" || text(in, "tenants", 0, "role") != "owner" {
		t.Error(in)
	}
	signUp(400, "ann@example.com", code)
	if list := w.admin(200, "GET", "/beta/signups", nil); text(list, "signups", 1, "status") != "joined" {
		t.Error(list)
	}
	w.wantNowhere("example.com", code)
}

// Of those who use one code at once one comes in.
func TestBetaCodeIsUsedOnce(t *testing.T) {
	w := newRig(t)
	w.must(201, "", "POST", "/v1/beta/signup", object{"email": "ann@example.com"})
	id := text(w.admin(200, "GET", "/beta/signups", nil), "signups", 0, "id")
	code := text(w.admin(200, "POST", "/beta/approve/"+id, nil), "inviteCode")
	codes := make(chan int, 4)
	for range cap(codes) {
		go func() {
			codes <- w.call("", "POST", "/v1/portal/auth/signup", `{"email":"ann@example.com","password":"correct horse","inviteToken":"`+code+`"}`).Code
		}()
	}
	in := 0
	for range cap(codes) {
		switch code := <-codes; code {
		case 201:
			in++
		case 400, 409:
		default:
			t.Errorf("status %d", code)
		}
	}
	if in != 1 {
		t.Errorf("%d came in", in)
	}
}
