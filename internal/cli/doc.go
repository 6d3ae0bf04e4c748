// Package cli is the s3sync command: it turns arguments and environment into a
// [s3sync.Config], runs it, and shows what happens as log, progress and exit
// code. One table of options is the source of flags, variables, help, shell
// completion and docs/options.md. What an option means is the library's business.
//
// Messages of the command itself go to standard error and begin with "s3sync: ";
// they are one line each, without a capital and without a full stop.
package cli

//go:generate go test -run ^TestDocsUpToDate$ . -update
