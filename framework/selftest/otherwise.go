package selftest

// shownOtherwise says of checks of level must that no fault here can make fail how it is shown that they
// can: what they watch is not in the hands of the OCI runtime and not in the pod.
func shownOtherwise() map[string]string {
	return map[string]string{
		"caps/unknown-name": "fails on containerd without a fault, since runc leaves the name out with a warning; passes on CRI-O",
	}
}
