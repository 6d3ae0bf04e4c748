// Package options turns the arguments and the environment of the command into a
// [s3sync.Config]. One table of options is the source of flags, variables, help, shell
// completion and docs/options.md. The library defines what an option means: the table
// names the field of the Config.
//
// Errors of usage are one line each, without a capital and without a full stop.
package options

//go:generate go test -run ^TestDocsUpToDate$ . -update
