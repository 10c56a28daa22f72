// Package extract takes the text out of documents: plain text, Markdown, HTML
// and XML, JSON, CSV, docx, PDF.
//
// # Laws
//
//   - No document does harm: none ends the process, none takes more memory than
//     some times its own bounded size, none takes longer than the deadline, and no
//     text is longer than asked for. What is wrong with one is said in an
//     [entity.Error]; what is only incomplete is read as far as it goes.
//   - Text that comes out is UTF-8 without control characters, whatever went in.
//   - An [Extractor] keeps nothing, and is used by any number of goroutines.
//
// # Bounds
//
//	a document       64 MiB; text, Markdown and CSV of any size, of which 4 MiB are read
//	its text         1 MiB, cut off at a character
//	its time         10 s
//	a tag of markup  8 MiB
//	JSON             10,000 deep
//	docx             4096 members, 64 MiB unpacked (MaxInflated)
//	PDF              10,000 pages, in a process of its own: 512 MiB of heap (the collector
//	                 works harder near it), 3 GiB of address space, a 32 MiB stack, 10 s of
//	                 processor time, an empty environment
//
// # PDF
//
// The library panics on about one in six PDFs with random changes, and a few end
// the process, which nothing can catch: stacks that overflow. So a child process
// reads them, this binary again, by way of [Options].Command and [ChildMain]. It
// costs a few milliseconds a document. The child reads a line of JSON
// ({"max_text":1048576}) and the document from its standard input, to its end,
// and answers with one JSON value:
//
//	{"text":"…", "title":"…", "truncated":true, "wrong":"…", "encrypted":true}
package extract
