package s3sync_test

import (
	"errors"
	"io/fs"

	"s3sync/storage"
)

// The table from which docs/errors.md comes. The texts themselves are read from the code:
// a row says where they are made, what they have in common, and what a user can do. A text
// that says by itself what to do needs no more than its row.

// An errorClass is a row of the table.
type errorClass struct {
	title   string
	meaning string // what happened, and what the run does then
	remedy  string
	at      []string // packages, or files, without .go; the longest one that fits decides
}

// A failureKind is a kind of package storage, which a store gives to what goes wrong.
type failureKind struct {
	name            string // of the variable
	err             error
	meaning, remedy string
}

func failureKinds() []failureKind {
	return []failureKind{
		{"ErrUnusable", storage.ErrUnusable, "Nothing can be read or written at this side. The run ends at once.", "The text after it says why: endpoint, region, credentials, clock or disk. `s3sync doctor` looks at each."},
		{"ErrNoBucket", storage.ErrNoBucket, "No bucket has this name at this endpoint. The run ends at once.", "Correct the name or the endpoint, or create the bucket."},
		{"ErrCredentials", storage.ErrCredentials, "There are no credentials, they have expired, or the server refuses them. The run ends at once.", "Get new ones; look whether profile, keys and token belong together and to this endpoint."},
		{"ErrFull", storage.ErrFull, "The disk is full, or the quota of the bucket is used up. The run ends at once.", "Make space. What arrived is complete; the same command goes on."},
		{"ErrThrottled", storage.ErrThrottled, "The server asks for fewer requests. s3sync sends fewer and tries again; the error is seen only if that did not help.", "Run it later, or with a smaller `--worker-size`."},
		{"ErrTransient", storage.ErrTransient, "The network or the server failed for a moment. It was tried again, in vain.", "Run it again: it goes on where it was. `--aws-max-attempts` and `--force-retry-count` try longer."},
		{"ErrChanged", storage.ErrChanged, "The object was changed by somebody else while it was read. The copy was thrown away and begun anew, in vain.", "Run it again when nobody writes there."},
		{"ErrMismatch", storage.ErrMismatch, "Bytes were damaged on their way or on a disk. The copy was thrown away and begun anew, in vain.", "Look for a proxy that changes bodies, and at memory and disks of both sides."},
		{"ErrUnstorable", storage.ErrUnstorable, "The target cannot hold an object of this key. It is skipped with a warning.", "Rename the object, or exclude it."},
		{"ErrArchived", storage.ErrArchived, "The object is in an archive and cannot be read. It is skipped with a warning.", "Restore it first, or give `--ignore-glacier-warnings`."},
		{"ErrPrecondition", storage.ErrPrecondition, "The object of the target is not the one that was expected (`--if-match`, `--if-none-match`, a plan). It is skipped with a warning.", "Run it again: the comparison is made anew."},
		{"ErrDangling", storage.ErrDangling, "A symbolic link leads nowhere. It is skipped with a warning, and nothing is deleted under its key.", "Remove the link, or give `--ignore-symlinks`."},
		{"ErrLink", storage.ErrLink, "The name is that of a symbolic link, and `--ignore-symlinks` leaves links out.", "Go without the option, or put a file in its place."},
		{"ErrNotBegun", storage.ErrNotBegun, "The request was not made, because the run is ending for another reason.", "The first error of the run says which."},
		{"fs.ErrNotExist", fs.ErrNotExist, "The object is gone since it was listed. It is skipped with a warning.", "Nothing, if somebody deletes there. Else look with `s3sync doctor`."},
		{"fs.ErrPermission", fs.ErrPermission, "This user may not do it. The text names the S3 action, if there is one.", "Allow the action: `s3sync doctor SOURCE TARGET --policy` prints all that the command line needs."},
		{"errors.ErrUnsupported", errors.ErrUnsupported, "The server does not know the call. s3sync does without it where it can.", "The text names the option to leave out; [servers.md](servers.md) has what servers lack."},
	}
}

func errorClasses() []errorClass {
	return []errorClass{
		{
			"Arguments and settings", "The command line, a variable or a field of the Config cannot be used. Nothing was done; the exit code is 2.",
			"The text says what is expected. `s3sync help delete` explains the option `--delete`, and [options.md](options.md) has all of them.",
			[]string{
				"internal/cli", "internal/rules", "internal/location", "internal/limits", "internal/size", "internal/tagset", "internal/fields", "cmd/s3sync",
			},
		},
		{
			"Patterns and ignore files", "A pattern, a regular expression or an ignore file cannot be used. The exit code is 2, or 1 if it was found out during the run.",
			"Correct the pattern. [filters.md](filters.md) has what patterns can hold.",
			[]string{"internal/glob", "internal/pattern", "internal/engine/filter", "internal/cli/options/table/rules"},
		},
		{
			"Buckets: address and credentials", "The bucket cannot be reached as it was given. The run ends at once with exit code 1; nothing was deleted.",
			"The text says what is wrong. `s3sync doctor` asks both sides one question after another. [troubleshooting.md](troubleshooting.md) has these messages with examples.",
			[]string{"storage/bucket", "storage/bucket/internal/account", "storage/bucket/internal/address", "storage/bucket/internal/transport", "storage/bucket/internal/request/errors", "storage/bucket/internal/wire/client", "storage/bucket/internal/answer"},
		},
		{
			"Answers of servers that make no sense", "What the server answered contradicts S3 or its own earlier answer. It is tried again; then the object fails, or the run if it was a listing, and nothing is deleted.",
			"Run it again. If it stays, the server or a proxy before it is at fault: report it to whoever runs it, with `-vv --aws-sdk-tracing`. [servers.md](servers.md) has the differences that are known.",
			[]string{
				"storage/bucket/internal/page", "storage/bucket/internal/listing", "storage/bucket/internal/objects", "storage/bucket/internal/wire", "storage/bucket/internal/direct", "storage/bucket/internal/request",
				"storage/bucket/internal/failure", "storage/bucket/multipart", "storage/bucket/resume", "storage/bucket/tags", "internal/join", "internal/history", "internal/side",
			},
		},
		{
			"Files and directories", "A local path cannot be read or written. One file is skipped with a warning, which keeps its counterpart from deletion; if it is the directory of a side, the run ends.",
			"Look at the path: permissions, a link, a mount that is gone, a name that the file system cannot hold.",
			[]string{"storage/dir", "internal/scan", "internal/single"},
		},
		{
			"Lists and inventories", "A list of keys or an S3 Inventory cannot be used. The run ends, and nothing is deleted.",
			"Correct the list, or take a newer inventory. [lists.md](lists.md) has the forms.",
			[]string{"internal/lists", "internal/parquet"},
		},
		{
			"Transfers", "One object was not transferred. Others go on; the exit code is 1, or 3 for a warning, and nothing is deleted after a failure.",
			"Run it again: only what is missing is transferred.",
			[]string{"internal/transfer", "internal/engine", "internal/attributes", "storage/bucket/copy", "storage/bucket/write", "storage/bucket/conditions", "storage/bucket/tags_kept", "storage/bucket/lacks", "internal/retry", "internal/pace", "internal/report"},
		},
		{
			"Comparison and verification", "The two sides cannot be compared in the way that was asked for, or what arrived cannot be verified or is not what was sent.",
			"The text names the option that helps. [integrity.md](integrity.md) says what can be verified, and by what.",
			[]string{"internal/compare", "internal/verify", "internal/checksum/sum"},
		},
		{
			"Deletions that are refused", "Nothing is deleted, or one object is not, because it might be a mistake. What was transferred stays. The exit code is 1, or 3 for one object.",
			"Look whether source and target are the right ones; then the option in the text permits it. [deletion.md](deletion.md) has the reasons.",
			[]string{"internal/gate", "internal/engine/delete", "internal/engine/confirm", "internal/engine/onebucket", "internal/engine/protect", "storage/bucket/remove"},
		},
		{
			"Plans", "A plan cannot be read or carried out (exit code 2), or the sides are not as they were when it was made (exit code 3).",
			"Make a new plan. [plan.md](plan.md) says what a plan holds on to.",
			[]string{"plan", "internal/plan", "internal/planfile", "internal/forecast", "internal/cli/plan", "internal/engine/apply"},
		},
		{
			"Trash and undo", "What the trash needs cannot be kept, so the object is not overwritten or deleted; or a run cannot be taken back.",
			"Look whether the trash can be written, and whether the name of the run is right: `s3sync undo --list`. [undo.md](undo.md) has more.",
			[]string{"trash", "internal/trash", "internal/undo", "internal/overlap/trash", "internal/engine/trash", "internal/engine/keeper", "internal/cli/undo"},
		},
		{
			"State and unfinished transfers", "What earlier runs left cannot be used. That costs time and never data: the run goes on without it.",
			"Nothing. If it comes again, another run may use the same file: [state.md](state.md).",
			[]string{"internal/state", "internal/leftovers", "internal/transfer/resume"},
		},
		{
			"Manifests and records", "A manifest, a key, a report or a file of metrics cannot be read or written, or a manifest is not as it was written.",
			"Look at the file that the text names. A manifest that is not as it was written proves nothing: [manifest.md](manifest.md).",
			[]string{"internal/manifest", "internal/audit", "internal/metrics", "internal/cli/records", "internal/cli/manifest", "internal/cli/verify", "internal/cli/verify_audit", "internal/cli/place", "internal/cli/options/table/records"},
		},
		{
			"Programs that use the library", "A call does not keep to what the documentation of the library says.",
			"Read the comment of the function: `go doc s3sync`.",
			[]string{"runner", "single", "internal/engine/unit", "internal/engine/result", "storage/dir/writer", "storage/bucket/internal/account/given"},
		},
		{
			"One job on many machines", "A job of `s3sync-cluster` cannot be submitted, or a part of it cannot be carried out. Nothing is deleted by a job that does not know the whole.",
			"[cluster.md](cluster.md) has what a job waits for, and what to do. What another attempt mends is tried again by itself.",
			[]string{"cluster"},
		},
		{
			"Faults of s3sync, or of its temporary files", "These should not be seen. Nothing is deleted after them.",
			"Look whether the disk for temporary files is full or damaged. Else report it with the log of a run with `-vv`.",
			[]string{"internal/checksum", "internal/buffer", "internal/extsort", "internal/record", "internal/spool", "internal/parallel"},
		},
	}
}

// withoutErrors are packages and files whose texts are not listed: the doctor's findings are rows of
// a table, each with a hint beside it; storage/mem is for tests of programs; failureKinds has
// those of storage/error.go.
func withoutErrors() []string {
	return []string{"internal/doctor/", "storage/mem/", "storage/error.go"}
}
