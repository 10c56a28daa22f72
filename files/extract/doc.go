// Package extract takes the text out of documents.
package extract
