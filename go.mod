module github.com/paradiseftp/paradise

go 1.26.6

ignore paradise-data

require (
	github.com/anishathalye/porcupine v1.3.1
	github.com/gabriel-vasile/mimetype v1.4.16
	github.com/jlaffaye/ftp v0.2.4
	github.com/stretchr/testify v1.12.1
	golang.org/x/sys v0.50.0
	golang.org/x/text v0.44.0
	golang.org/x/time v0.16.0
)

require go.yaml.in/yaml/v3 v3.0.5 // indirect
