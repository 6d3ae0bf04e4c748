package main

import "time"

// A scene is a few commands in a directory of its own, with an empty bucket "photos".
// Anything that a POSIX shell runs is a command.
type scene struct {
	title string
	// about says in a sentence or two what the reader is going to see.
	about string
	// needs is a command or an option without which the scene is left out.
	needs string
	takes []take
}

// A take is one command.
type take struct {
	command string
	// exit is the exit code that the command must have.
	exit int
	// hidden commands prepare the next ones: nobody sees them.
	hidden bool
	// look is when the text shows what the screen looks like meanwhile.
	look time.Duration
}

func hidden(command string) take { return take{command: command, hidden: true} }

const heading = `What s3sync looks like in a terminal of 80 columns. The commands and their output are
real: "make record" runs them against an S3 server on this machine. The server's
address and its keys are in the environment. Rates and times differ in each run.
`

// tree makes the directory that most scenes begin with.
const tree = `mkdir -p pictures/2023 pictures/2024/raw
for i in 01 02 03 04 05 06 07 08; do head -c 1500000 /dev/urandom >pictures/2023/beach-$i.jpg; done
for i in 01 02 03 04 05 06; do head -c 2400000 /dev/urandom >pictures/2024/snow-$i.jpg; done
for i in 01 02; do head -c 3000000 /dev/urandom >pictures/2024/raw/snow-$i.dng; done
echo 'Snow, at last.' >pictures/2024/notes.tmp
echo '<h1>Pictures</h1>' >pictures/index.html
find pictures -type f -exec touch -d '2026-01-31 12:00:00 UTC' {} +`

// synced is the same, and all of it has been in the bucket for two seconds: times are
// compared in whole seconds.
const synced = tree + "\ns3sync -qq pictures s3://photos/ >/dev/null && sleep 2"

// scenes are those of docs/session.txt. A new one is a row here.
func scenes() []scene {
	return []scene{
		{
			title: "A first upload",
			about: "Nothing to set up but credentials. The last line is the summary. The second run finds that nothing has changed.",
			takes: []take{
				hidden(tree),
				{command: "s3sync pictures s3://photos/"},
				{command: "s3sync pictures s3://photos/"},
			},
		},
		{
			title: "A large file over a slow line",
			about: "The rate is limited to 4 MiB a second. The screen shows what has passed, the rate and the time that is left.",
			takes: []take{
				hidden("mkdir films && head -c 40000000 /dev/urandom >films/holiday.mp4"),
				{command: "s3sync --rate-limit-bandwidth 4MiB films s3://photos/films/", look: 5 * time.Second},
			},
		},
		{
			title: "Errors",
			about: "Each error is one line that says what, where and what to do. Exit code 2 means that nothing was touched.",
			takes: []take{
				hidden(tree),
				{command: "s3sync pictures s3://fotos/", exit: 1},
				{command: "s3sync pictures s3://photos/ --size-only", exit: 2},
				{command: "s3sync --exlude '*.tmp' pictures s3://photos/", exit: 2},
				{command: "AWS_SECRET_ACCESS_KEY=wrong s3sync pictures s3://photos/", exit: 1},
			},
		},
		{
			title: "A dry run with deletions",
			about: "What a run would do and why, in the order of the keys. Then the run itself. An empty source is never taken for a reason to delete everything.",
			takes: []take{
				hidden(synced),
				{command: "rm pictures/2023/beach-0[1-3].jpg && echo '<h1>New pictures</h1>' >pictures/index.html"},
				{command: "s3sync --dry-run --delete pictures s3://photos/"},
				{command: "s3sync --delete pictures s3://photos/"},
				{command: "mkdir empty && s3sync --delete empty s3://photos/", exit: 1},
			},
		},
		{
			title: "A filter",
			about: "Patterns are read from left to right, and the last one that matches decides.",
			needs: "exclude",
			takes: []take{
				hidden(tree),
				{command: "s3sync --dry-run --exclude '*.jpg' --exclude raw/ pictures s3://photos/"},
				{command: "s3sync --dry-run --exclude '*' --include '*.dng' pictures s3://photos/"},
			},
		},
		{
			title: "The doctor",
			about: "What a run would need of both sides, found out by harmless requests and one probe that is removed again.",
			needs: "doctor",
			takes: []take{
				hidden(synced),
				{command: "s3sync doctor --probe-writes pictures s3://photos/"},
			},
		},
		{
			title: "A report to look at",
			about: "One page of the run for a browser, without network and scripts from elsewhere.",
			needs: "html-report",
			takes: []take{
				hidden(tree),
				{command: "s3sync --html-report run.html pictures s3://photos/"},
				{command: "ls -sh run.html"},
			},
		},
	}
}

// poster is the scene of docs/session.svg.
func poster() scene {
	return scene{takes: []take{
		hidden(tree),
		{command: "s3sync --rate-limit-bandwidth 8MiB pictures s3://photos/"},
		hidden("sleep 2; rm pictures/2023/beach-0[1-3].jpg && echo '<h1>New pictures</h1>' >pictures/index.html"),
		{command: "s3sync --dry-run --delete pictures s3://photos/"},
		{command: "s3sync --delete pictures s3://photos/"},
	}}
}
