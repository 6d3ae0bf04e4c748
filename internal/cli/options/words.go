package options

import (
	"slices"
	"strings"
)

// A word is an option or a command of aws-cli, rclone, s5cmd or mc that s3sync does not
// have.
type word struct {
	// names are the ways to write it, options with their dashes.
	names []string
	// ours says what to use instead: options with their dashes, commands of s3sync in back
	// quotes. NAME stands for the word itself.
	ours string
}

// answer returns what to use instead of a word, or an empty text.
func answer(words []word, name string) string {
	i := slices.IndexFunc(words, func(w word) bool { return slices.Contains(w.names, name) })
	if i < 0 {
		return ""
	}
	return strings.ReplaceAll(words[i].ours, "NAME", name)
}

// Words returns the options and commands of other programs for which s3sync has an
// answer.
func Words() []string {
	var names []string
	for _, w := range append(optionWords(), commandWords()...) {
		names = append(names, w.names...)
	}
	return names
}

func is(ours string, names ...string) word { return word{names, ours} }

// optionWords are the options of others. TestWords holds that s3sync has what the answers
// name, and does not have the words themselves.
func optionWords() []word {
	return slices.Concat(compareWords(), selectWords(), runWords(), connectWords(), writeWords(), logWords())
}

func compareWords() []word {
	const newer = "without an option an object is transferred if the source is newer; --check-mtime-and-size also looks at sizes"
	return []word{
		is("--check-size transfers what differs in size", "--size-only", "--if-size-differ", "-s"),
		is("--check-mtime-and-size transfers what is newer or differs in size, --check-etag what differs in content", "--exact-timestamps"),
		is(newer, "--update", "-u", "--if-source-newer"),
		is("--check-etag transfers what differs in content; --additional-checksum-algorithm uploads with a checksum", "--checksum"),
		is("--check-etag transfers what differs in content, and --max-parallel-uploads is the number of parts at the same time", "-c"),
		is("--remove-modified-filter transfers without comparing", "--ignore-times", "-I", "--force"),
		is("what is newer in the source is overwritten; --remove-modified-filter overwrites everything", "--overwrite"),
		is("--if-none-match writes only objects that the bucket does not have", "--no-overwrite", "--no-clobber", "--ignore-existing", "--immutable"),
		is("--trash keeps what a run overwrites or deletes", "--backup-dir"),
		is("--dry-run writes nothing, and --if-none-match overwrites nothing", "-n"),
		is("sizes are compared only with --check-size and --check-mtime-and-size", "--ignore-size"),
		is("--disable-etag-verify does that for ETags", "--ignore-checksum"),
	}
}

func selectWords() []word {
	return []word{
		is("--exclude and --include select keys by patterns, and --exclude-from and --include-from read them from a file", "--filter", "--filter-from"),
		is("--filter-smaller-size selects smaller objects", "--max-size"),
		is("--filter-larger-size selects objects of a size or larger", "--min-size"),
		is("--filter-mtime-after 7d selects objects of the last seven days", "--max-age", "--newer-than"),
		is("--filter-mtime-before 7d selects objects that are older than seven days", "--min-age", "--older-than"),
		is("symbolic links are followed, unless --ignore-symlinks is given", "--follow-symlinks", "--copy-links", "-L"),
		is("--ignore-symlinks skips symbolic links; without it they are followed", "--no-follow-symlinks", "--skip-links", "--links", "-l"),
		is("everything below SOURCE is synced: leave it out", "--recursive", "-r", "-R"),
		is("--ignore-glacier-warnings skips archived objects without a warning; they must be restored before they can be read", "--force-glacier-transfer"),
		is("--point-in-time takes each object of the source as it was at a time", "--rewind", "--s3-version-at"),
		is("--enable-versioning syncs all versions", "--s3-versions"),
		is("--max-keys is the size of a page", "--page-size", "--s3-list-chunk"),
		is("--max-parallel-listings bounds the requests of a listing; it needs no other option to be fast", "--fast-list"),
	}
}

func runWords() []word {
	return []word{
		is("--dry-run does that", "--dryrun", "--fake"),
		is("--dry-run shows what would be done", "--interactive", "-i"),
		is("--delete does that", "--remove", "--delete-removed"),
		is("--delete deletes when all transfers have succeeded", "--delete-after", "--delete-before", "--delete-during"),
		is("--worker-size compares and transfers that many objects at the same time; without it s3sync finds the number",
			"--transfers", "--checkers", "--numworkers", "--max-workers", "--max-concurrent-requests"),
		is("--max-parallel-uploads transfers that many parts at the same time; without it s3sync finds the number",
			"--concurrency", "--s3-upload-concurrency", "--multi-thread-streams"),
		is("--multipart-chunksize is the size of a part", "--part-size", "-p", "--s3-chunk-size", "--multi-thread-chunk-size"),
		is("--multipart-threshold is the size from which objects are transferred in parts", "--s3-upload-cutoff", "--multi-thread-cutoff", "--disable-multipart"),
		is("--rate-limit-bandwidth bounds the bytes per second", "--bwlimit", "--limit-upload", "--limit-download", "--max-bandwidth"),
		is("--rate-limit-objects bounds the objects per second", "--tpslimit"),
		is("--max-memory bounds the memory for object data", "--buffer-size", "--max-buffer-memory"),
		is("--aws-max-attempts is the number of attempts of a request", "--low-level-retries", "--retry-count", "--retry"),
		is("--force-retry-count is the number of further attempts of an object that failed", "--retries"),
		is("--force-retry-interval-milliseconds is the wait before an object is tried again", "--retries-sleep"),
		is("--read-timeout-milliseconds is the wait for an answer", "--timeout", "--cli-read-timeout"),
		is("--connect-timeout-milliseconds is the wait for a connection", "--contimeout", "--cli-connect-timeout"),
		is("--fail-fast stops at the first object that fails", "--exit-on-error"),
		is("the other objects go on if one fails, unless --fail-fast is given", "--skip-errors"),
		is("--delete deletes nothing if something failed", "--ignore-errors"),
		is("--server-side-copy lets the server copy", "--server-side-across-configs"),
		is("s3sync ends when everything is done; a timer can run it again", "--watch", "-w"),
	}
}

func connectWords() []word {
	return []word{
		is("--profile is for both sides, --source-profile and --target-profile for one", "--s3-profile"),
		is("--region is for both sides, --source-region and --target-region for one", "--s3-region"),
		is("--target-region does that", "--destination-region"),
		is("--endpoint-url is for both sides, --source-endpoint-url and --target-endpoint-url for one", "--endpoint", "--s3-endpoint"),
		is("--path-style is for both sides, --source-force-path-style and --target-force-path-style for one", "--force-path-style", "--s3-force-path-style"),
		is("--source-access-key and --target-access-key do that", "--access-key", "--s3-access-key-id"),
		is("--source-secret-access-key and --target-secret-access-key do that, better as variables", "--secret-key", "--s3-secret-access-key"),
		is("--source-session-token and --target-session-token do that", "--session-token", "--s3-session-token"),
		is("--aws-shared-credentials-file does that", "--credentials-file", "--s3-shared-credentials-file"),
		is("--profile names a profile, and --aws-config-file the file that it is in", "--config", "--config-dir"),
		is("--source-request-payer and --target-request-payer do that", "--request-payer", "--s3-requester-pays"),
		is("--source-accelerate and --target-accelerate do that", "--s3-use-accelerate-endpoint"),
		is("--source-no-sign-request does that", "--no-sign-request"),
		is("certificates are always verified; the variable AWS_CA_BUNDLE names a file of further authorities",
			"--no-verify-ssl", "--no-check-certificate", "--insecure", "--ca-bundle", "--ca-cert"),
	}
}

func writeWords() []word {
	return []word{
		is("--storage-class does that", "--s3-storage-class"),
		is("--acl does that", "--s3-acl"),
		is("--acl sets a canned ACL; grants cannot be set", "--grants"),
		is("--sse AES256 lets the server encrypt", "--enc-s3"),
		is("--sse does that", "--s3-server-side-encryption"),
		is("--sse-kms-key-id does that, together with --sse aws:kms", "--sse-kms-key", "--kms-key-id", "--enc-kms", "--s3-sse-kms-key-id"),
		is("--source-sse-c and --target-sse-c do that, each with its key and the MD5 of the key", "--sse-c", "--enc-c", "--s3-sse-customer-algorithm"),
		is("--source-sse-c-key and --target-sse-c-key do that", "--sse-c-key", "--s3-sse-customer-key", "--s3-sse-customer-key-base64"),
		is("--source-sse-c does that", "--sse-c-copy-source"),
		is("--source-sse-c-key does that", "--sse-c-copy-source-key"),
		is("--additional-checksum-algorithm does that", "--checksum-algorithm"),
		is("--enable-additional-checksum verifies the checksums of source objects", "--checksum-mode"),
		is("--metadata sets metadata", "--attr", "--metadata-set"),
		is("headers, metadata and tags are copied, unless --no-sync-system-metadata, --no-sync-user-defined-metadata or --disable-tagging is given",
			"--metadata-directive", "--copy-props"),
		is("--put-last-modified-metadata keeps the time of modification in the metadata", "--preserve", "-a"),
		is("--disable-payload-signing does that", "--s3-use-unsigned-payload"),
	}
}

func logWords() []word {
	return []word{
		is("a terminal shows the progress by itself", "--progress", "-P", "--show-progress"),
		is("--show-no-progress shows neither the progress nor the summary; only a terminal shows the progress", "--no-progress"),
		is("--quiet logs only errors", "--only-show-errors"),
		is("--json-tracing logs JSON", "--json", "--use-json-log", "--output"),
		is("--verbose logs more, twice or three times still more", "--debug", "--log-level", "--log"),
		is("--tracing-stderr logs everything to standard error, which the shell can send to a file", "--log-file"),
		is("--aws-sdk-tracing logs the requests, with -vv", "--dump", "--dump-headers"),
		is("--disable-color-tracing logs without colours", "--no-color", "--color"),
		is("`s3sync completion bash` prints a script for the shell", "--install-completion"),
	}
}

// commandWords are the commands of others.
func commandWords() []word {
	return []word{
		is("s3sync SOURCE TARGET syncs: leave out the word NAME", "sync", "copy", "cp", "copyto", "put", "get", "dsync"),
		is("s3sync SOURCE TARGET syncs: leave out the words before SOURCE", "s3", "s3api"),
		is("s3sync SOURCE TARGET syncs: leave out the word NAME; --delete also deletes what only TARGET has", "mirror"),
		is("s3sync SOURCE TARGET syncs, and deletes nothing in SOURCE", "mv", "move", "moveto"),
		is("s3sync deletes only what SOURCE does not have: --delete", "rm", "del", "delete", "deletefile", "purge"),
		is("s3sync lists only what it would do: --dry-run", "ls", "list", "lsf", "lsl", "lsd", "lsjson", "tree", "find"),
		is("--report-sync-status reports for each object whether TARGET has the same", "check", "cryptcheck", "diff", "compare"),
		is("s3sync uses the configuration of other AWS programs: --profile names a profile", "config", "configure", "alias"),
		is("s3sync writes objects, but makes and removes no buckets", "mb", "rb", "mkdir", "rmdir"),
		is("s3sync ends when everything is done; a timer can run it again", "watch"),
		is("`s3sync completion bash` prints a script for the shell", "genautocomplete"),
		is("`s3sync help` shows what s3sync does besides a sync", "cat", "head", "stat", "du", "size", "md5sum", "hashsum", "pipe", "run", "mount", "serve"),
		is("s3sync syncs in one direction: run it once in each", "bisync"),
	}
}

// wrongCommand refuses arguments that begin with the command of another program, or a
// misspelt one. It returns nil if they can be SOURCE and TARGET.
func (l *Line) wrongCommand(args []string) error {
	if len(args) == 0 || strings.ContainsAny(args[0], "/:") || len(args) <= 2 && exists(args[0]) {
		return nil
	}
	if ours := answer(commandWords(), args[0]); ours != "" {
		return usagef("%s is not a command; %s", args[0], ours)
	}
	if len(args) == 2 && strings.HasPrefix(args[1], "s3://") {
		return nil
	}
	var names []string
	for _, k := range l.program.Commands {
		names = append(names, k.Name)
	}
	if near := nearest(args[0], names); near != "" {
		return usagef("%q is neither a command nor a path; did you mean s3sync %s?", args[0], near)
	}
	return nil
}
