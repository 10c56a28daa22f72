// Package backup keeps copies of a running or stopped server in a directory,
// each after the first with what has changed since the one before, and makes a
// server's data out of them again.
//
// # A directory
//
//	main-000001-0-5120.backup      the log of main up to change 5120
//	main-000002-5120-6144.backup   what came after, to 6144
//	content/main/w/4/bafkrei…      file content, as package files keeps it
//
// # Laws
//
//   - A backup has every secret of the store in it: key hashes, sealed
//     credentials. Files are 0600 and directories 0700, and whoever can read them
//     has what they need to impersonate users. Put them where only operators come.
//   - A backup file has its name when it is whole, on disk, and all content that
//     it refers to is in the directory. What is interrupted leaves nothing but
//     content that the next one finds there.
//   - Files of a network form one chain, from nothing to the last state. A file
//     that is missing, damaged, renamed or of another store is an error, of the
//     next backup where it can be seen without reading all of it, and of a
//     restore always.
//   - Nobody waits for a backup: it reads one state of the store while others
//     write. Content is copied after that, since nothing that a state refers to
//     is ever deleted.
//   - A restore makes a directory beside its target, checks all of it as verify
//     does, content too, and gives it its name at the end. A restore that fails
//     leaves nothing. Projections are made anew.
//
// # Over HTTP
//
//	GET /admin/backup?since=SEQ          the stream of store.Backup
//	GET /admin/backup/content/{cid}      file content
//
// both for who may store:backup, which is nobody but owners of the store.
package backup
