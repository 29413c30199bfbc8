// Package paradise is an FTP server to embed, shaped like net/http.Server: a
// [Server] takes an [AuthDriver], which decides who may log in, and a
// [FileDriver], which is where files go to and come from, and runs the control
// and data connections itself.
//
//	files, err := osfs.Open("/srv/ftp", osfs.Options{})
//	...
//	srv := &paradise.Server{
//		Addr:  "127.0.0.1:2121",
//		Auth:  paradise.Accounts{"auser": "secret"},
//		Files: files,
//	}
//	err = srv.ListenAndServe()
//
// An upload is a transaction: nothing of it is visible before its 226, and then
// it is there whole, whatever dies. docs/uploads.md in the repository has every
// ending.
//
// Package osfs stores in a local folder, memfs in memory; [StreamUpload] makes a
// driver of a function that reads; package paradisetest examines drivers and
// runs servers in tests. Packages quota and journal wrap drivers, monitor shows
// a server in a browser, handover restarts a program without refusing a
// connection.
package paradise
