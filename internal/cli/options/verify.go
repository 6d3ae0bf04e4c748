package options

// CheckVerify fails if the options of verify do not go together, or if those of the target
// are not valid.
func (l *Line) CheckVerify() error {
	own, manifest := &l.Own, l.Records.Manifest
	switch {
	case own.Proof == "" && manifest == "":
		return usagef("--manifest is missing; s3sync verify -h shows how it is called")
	case own.Proof != "" && (l.named("manifest").Given || own.Key != "" || own.SHA256Sum || own.Against != "" || own.Read || own.PublicKey != ""):
		return usagef("--proof is checked against --root alone")
	case own.Proof != "" && own.Root == "":
		return usagef("--proof needs --root, the root of a manifest that you trust")
	case own.Root != "" && own.Proof == "":
		return usagef("--root is for --proof")
	case own.Key != "" && own.SHA256Sum:
		return usagef("--key cannot be combined with --sha256sum")
	case (own.Key != "" || own.SHA256Sum) && (own.Against != "" || own.Read || own.JSON):
		return usagef("--key and --sha256sum compare nothing, so they cannot be combined with --against, --read and --json")
	}
	return nil
}
