// Package clients holds no code: its tests run the FTP clients that people use
// against a paradise server on this machine, each client in every combination
// of data connection (PASV, EPSV, PORT, EPRT), address family, encryption and
// transfer type.
//
// A combination is a cell of the matrix. A cell counts only if the server saw
// what the cell says: the verb that opened the data connection, the TLS
// version, PROT P and TYPE. Where a client cannot do a cell the matrix says
// n/a and names the client's limit; a test proves every limit, so that a newer
// client that has learnt more is noticed. "go test -v -run TestMatrix" prints
// the matrix.
//
// Some clients end uploads in a way that a server must take for a loss. They are met
// with the concession that a host would give them, and a test shows what becomes of
// their uploads without it.
//
// A client that is not installed is skipped with the name of the package that
// brings it; with CI=true in the environment it is a failure.
package clients
