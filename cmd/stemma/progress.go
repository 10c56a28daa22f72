package main

import (
	"io"
	"os"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"
)

// bar shows on a terminal how far a command is. It is silent where the stream
// is not a terminal.
type bar struct {
	writer  progress.Writer
	tracker *progress.Tracker
	ended   chan struct{}
}

func newBar(w io.Writer, title string) *bar {
	b := &bar{tracker: &progress.Tracker{Message: title}, ended: make(chan struct{})}
	if !terminal(w) {
		close(b.ended)
		return b
	}
	b.writer = progress.NewWriter()
	b.writer.SetOutputWriter(w)
	b.writer.SetAutoStop(false)
	b.writer.SetUpdateFrequency(100 * time.Millisecond)
	b.writer.SetStyle(progress.StyleBlocks)
	b.writer.Style().Visibility.ETA = true
	b.writer.Style().Visibility.Speed = true
	b.writer.AppendTracker(b.tracker)
	go func() {
		defer close(b.ended)
		b.writer.Render()
	}()
	return b
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// update says that so much of total is done; total 0 is unknown.
func (b *bar) update(stage string, done, total int) {
	b.tracker.UpdateMessage(stage)
	b.tracker.UpdateTotal(int64(total))
	b.tracker.SetValue(int64(done))
}

// done ends the display and waits for it.
func (b *bar) done() {
	b.tracker.MarkAsDone()
	for b.writer != nil {
		b.writer.Stop() // which does nothing as long as Render has not begun (go-pretty 6.8)
		select {
		case <-b.ended:
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
}
