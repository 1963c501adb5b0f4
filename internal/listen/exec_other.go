//go:build !unix

package listen

import "os"

// closeOnExec has nothing to do where no descriptor is inherited.
func closeOnExec(*os.File) {}
