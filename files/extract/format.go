package extract

// Format is a kind of document.
type Format string

// The formats.
const (
	Plain    Format = "text"
	Markdown Format = "markdown"
	HTML     Format = "html"
	JSON     Format = "json"
	CSV      Format = "csv"
	Docx     Format = "docx"
	PDF      Format = "pdf"
)

// Detect tells the format by content type, else by the ending of the file's
// name, else by the first bytes (512 are enough); "" where it is none of ours.
func Detect(contentType, filename string, head []byte) Format { return "" }
