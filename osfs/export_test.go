package osfs

// UseNamed makes d keep its temporaries under hidden names, as on file systems
// without unnamed files.
func UseNamed(d *Driver) { d.at.Load().named.Store(true) }

// MapError gives an error of the system its meaning.
var MapError = mapError
