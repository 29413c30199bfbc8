//go:build !unix

package endurance

import "errors"

func limitFiles(uint64) error { return errors.ErrUnsupported }
