package embed

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"stemma/entity"
)

func lexical(t testing.TB, dims int, texts ...string) [][]float32 {
	t.Helper()
	l := NewLexical(LexicalOptions{Dimensions: dims})
	vectors, err := l.Embed(context.Background(), Document, texts)
	if err != nil || len(vectors) != len(texts) {
		t.Fatal(err)
	}
	return vectors
}

func cosine(a, b []float32) (sum float64) {
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

// What is alike is near, and what is not is far.
func TestLexicalSimilarity(t *testing.T) {
	for _, c := range []struct{ name, a, near, far string }{
		{"case and accents", "Müller's Café", "MULLERS CAFE", "a bakery in Paris"},
		{"inflection", "measured temperatures", "measuring the temperature", "tempered measles"},
		{"typing error", "parliamentary procedure", "parlamentary proceduer", "military procession"},
		{"order", "the letters of Ann Lee", "Ann Lee: letters", "the ladders of Bob Roe"},
		{"function words", "history of the press", "press history", "of the to and from the"},
		{"no spaces", "東京都の歴史", "東京の歴史を学ぶ", "大阪府の料理"},
		{"composed or not", "caf\u00e9 society", "cafe\u0301 society", "cage sobriety"},
	} {
		v := lexical(t, 0, c.a, c.near, c.far)
		near, far := cosine(v[0], v[1]), cosine(v[0], v[2])
		if near < far+0.2 {
			t.Errorf("%s: near %.2f, far %.2f", c.name, near, far)
		}
	}
}

// The same text has the same vector for ever, or the space another name.
func TestLexicalIsFixed(t *testing.T) {
	const text = "An experimental study of a wing in a propeller slipstream; die Flügel, 1958. 翼の実験"
	h := sha256.New()
	for _, f := range lexical(t, 384, text)[0] {
		_ = binary.Write(h, binary.LittleEndian, int32(math.Round(float64(f)*1e5))) // a hash does not fail
	}
	const want = "f0580c0b8c9d1f43"
	if got := hex.EncodeToString(h.Sum(nil))[:16]; got != want || lexicalModel != "lexical-1" {
		t.Errorf("vectors of %s hash to %s, not %s: another vector is another model", lexicalModel, got, want)
	}
}

func TestLexicalEdges(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "blank": " \n\t", "signs": "!?… — ...", "one pair missing": "東", "not UTF-8": "\xff\xfe\xfa",
	} {
		for _, f := range lexical(t, 64, text)[0] {
			if f != 0 && name != "not UTF-8" {
				t.Errorf("%s has a direction", name)
				break
			}
		}
	}
	for name, text := range map[string]string{
		"one word of 1 MB": strings.Repeat("x", 1<<20), "a word a million times": strings.Repeat("word ", 1<<20), "digits": "1958",
		"accents only on one": "e" + strings.Repeat("\u0301", 1<<18),
	} {
		if v := lexical(t, 64, text)[0]; math.Abs(cosine(v, v)-1) > 1e-5 {
			t.Errorf("%s: length %f", name, cosine(v, v))
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := NewLexical(LexicalOptions{}).Embed(ctx, Query, []string{"a"}); entity.KindOf(err) != entity.KindCanceled {
		t.Error(err)
	}
	if s := NewLexical(LexicalOptions{}).Space().String(); s != "lexical/lexical-1/512" {
		t.Error(s)
	}
}

func FuzzLexical(f *testing.F) {
	f.Add("a wing in a slipstream")
	f.Add("東京 tower e\u0301 1958")
	f.Fuzz(func(t *testing.T, text string) {
		v := lexical(t, 32, text, text)
		if n := cosine(v[0], v[0]); n != 0 && math.Abs(n-1) > 1e-5 || cosine(v[0], v[1]) != n {
			t.Errorf("%q has length %f", text, n)
		}
		words(text, func(w []rune) {
			if len(w) == 0 || len(w) > longestWord || !utf8.ValidString(string(w)) {
				t.Errorf("word %q", string(w))
			}
		})
	})
}

func BenchmarkLexical(b *testing.B) {
	text := strings.Repeat("experimental investigation of the aerodynamics of a wing in a slipstream at different angles of attack ", 13)
	var all strings.Builder
	for i, w := range strings.Fields(text) { // 200 words, half of them distinct
		all.WriteString(w)
		all.WriteString([]string{"", "n", "or", "ed", "ing", "ly"}[i%6])
		all.WriteByte(' ')
	}
	l := NewLexical(LexicalOptions{})
	for b.Loop() {
		if _, err := l.Embed(context.Background(), Document, []string{all.String()}); err != nil {
			b.Fatal(err)
		}
	}
}
