package paradise

// env is what the sessions of a server share. Serve makes it once; what changes in it
// afterwards guards itself.
type env struct {
	services
	table    *commandTable
	parker   *parker[*conn] // nil: idle sessions keep their goroutines
	sessions sessionSet
}
