package query

import (
	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"
)

// The productions of the grammar. It is LL(1): one token decides what comes,
// so that the parser commits at once and an error stands where the reader sees
// it. None refers to itself, so that no query can exhaust the stack.
//
// To add a form, add it here, in ast.go with print.go, and a row in table.go.

type querySyntax struct {
	Scope  *scopeSyntax    `parser:"@@?"`
	Entry  selectorSyntax  `parser:"@@"`
	Filter *selectorSyntax `parser:"@@?"`
	Hops   []hopSyntax     `parser:"@@*"`
	Stages []stageSyntax   `parser:"@@*"`
}

type scopeSyntax struct {
	Pos        lexer.Position
	Kind       string       `parser:"'@:' ( @( 'collections' | 'discover' | 'public' )"`
	Collection *identSyntax `parser:"| 'collection' '(' @@ ')' )"`
}

type identSyntax struct {
	Pos  lexer.Position
	Name string `parser:"@( Word | Int )"`
}

type selectorSyntax struct {
	Pos   lexer.Position
	IDs   *idsSyntax   `parser:"  @@"`
	Types *typesSyntax `parser:"| @@"`
	Where *whereSyntax `parser:"| @@"`
	Text  *string      `parser:"| @String"`
}

type idsSyntax struct {
	IDs []identSyntax `parser:"'@' @@ ( ',' '@' @@ )*"`
}

type typesSyntax struct {
	Not   bool         `parser:"( @'!' 'type' | 'type' ) ':'"`
	Names []nameSyntax `parser:"@@ ( ',' @@ )*"`
	Props *propsSyntax `parser:"@@?"`
	Like  *likeSyntax  `parser:"@@?"`
}

type nameSyntax struct {
	Pos  lexer.Position
	Name string `parser:"@( Word | Int | String )"`
}

type whereSyntax struct {
	Props propsSyntax `parser:"@@"`
	Like  *likeSyntax `parser:"@@?"`
}

type likeSyntax struct {
	Pos  lexer.Position
	Text string `parser:"'~' @String"`
}

type propsSyntax struct {
	Conditions []conditionSyntax `parser:"'[' @@ ( ',' @@ )* ']'"`
}

type conditionSyntax struct {
	Pos   lexer.Position
	Path  []keySyntax   `parser:"@@ ( '.' @@ )*"`
	Op    string        `parser:"@( '=' | '!=' | '<' | '<=' | '>' | '>=' | '~' )"`
	Value literalSyntax `parser:"@@"`
}

type keySyntax struct {
	Pos  lexer.Position
	Name string `parser:"@( Word | String )"`
}

type literalSyntax struct {
	Pos    lexer.Position
	Text   *string `parser:"  @String"`
	Number *string `parser:"| @Number"`
	Word   string  `parser:"| @( 'true' | 'false' | 'null' )"`
}

type hopSyntax struct {
	Pos    lexer.Position
	Open   string          `parser:"@( '-[' | '<-[' )"`
	Any    bool            `parser:"( @'*'"`
	Terms  []termSyntax    `parser:"| @@ ( ',' @@ )* ) ']'"`
	Range  *rangeSyntax    `parser:"@@?"`
	Close  closeSyntax     `parser:"@@"`
	Target *selectorSyntax `parser:"@@?"`
}

type closeSyntax struct {
	Pos  lexer.Position
	Mark string `parser:"@( '->' | '-' )"`
}

type termSyntax struct {
	Pos    lexer.Position
	Prefix string `parser:"@( '!' | '=' | '~' )?"`
	Name   string `parser:"@( Word | String )"`
}

type rangeSyntax struct {
	Pos  lexer.Position
	From *string `parser:"'{' ( @Int"`
	Open bool    `parser:"( @','"`
	To   *string `parser:"@Int? )?"`
	UpTo *string `parser:"| ',' @Int ) '}'"`
}

type stageSyntax struct {
	Pos   lexer.Position
	Count bool    `parser:"'|' ( @'count'"`
	Limit *string `parser:"| 'limit' @Int )"`
}

// newParser builds the parser, which may then be used by any goroutine.
func newParser() *participle.Parser[querySyntax] {
	return participle.MustBuild[querySyntax](participle.Lexer(definition{}), participle.UseLookahead(0))
}
