// Package kindconfigs holds the files that define a column's cluster. They are part of the program,
// so that a cluster does not depend on the directory it is made from.
package kindconfigs

import "embed"

// Files are the directories cluster and network.
//
//go:embed cluster network
var Files embed.FS
