// Package vector finds the unit vectors nearest to another: an [Index] in
// memory with a log on disk, or a [Qdrant] collection, behind one [Store].
package vector
