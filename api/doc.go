// Package api is the table of views: which operations this server has. The
// OpenAPI document and the plain reference are printed from it.
package api
