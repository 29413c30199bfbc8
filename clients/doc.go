// Package clients has only tests. They run popular FTP clients against a paradise server on
// this machine, each client in every combination of data connection (PASV, EPSV, PORT,
// EPRT), address family, encryption and transfer type.
//
// Each combination is a cell of the matrix. A cell passes only if the server has seen what
// the cell requires: the verb that opened the data connection, the TLS version, PROT P and
// TYPE. If a client does not support a cell, the matrix has n/a and names the client's
// limit. A test proves every limit, so that it fails when a newer client supports more.
// "go test -v -run TestMatrix" prints the matrix.
//
// Some clients end uploads in a way that a server must treat as a loss. The tests give them
// the concession that a host would give them, and one test shows what happens to their
// uploads without it.
//
// If a client is not installed, its tests are skipped with the name of the package to
// install; with CI=true in the environment they fail.
package clients
