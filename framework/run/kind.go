package run

import (
	"sync"

	"assay/framework/cluster"
	"assay/framework/column"
	"assay/framework/progress"
	"assay/framework/target"
)

// kindProvider makes a kind cluster for each column.
type kindProvider struct {
	run        *Run
	provisions *provisions

	mutex sync.Mutex
	made  map[string]*cluster.Cluster // by column
}

func (k *kindProvider) prepare(columns []column.Column) (err error) {
	k.provisions, err = k.run.provision(columns)
	return err
}

func (k *kindProvider) provide(c column.Column, log *progress.Log, logs string) (target.Target, error) {
	made, err := k.run.provide(k.provisions, c, log, logs)
	k.mutex.Lock()
	k.made[c.Name] = made
	k.mutex.Unlock()
	if err != nil {
		return target.Target{}, err
	}
	done := log.Step("load the probe")
	to, err := k.run.prepareNodes(k.provisions, c, made)
	done(err)
	return to, err
}

// namespaces implements provider: a cluster that is deleted takes them with it, and a reused one may hold those
// of earlier runs.
func (k *kindProvider) namespaces(column.Column) (id string, clean bool) {
	return k.run.id, k.run.options.Keep
}

func (k *kindProvider) cluster(c column.Column) *cluster.Cluster {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	return k.made[c.Name]
}

// collect implements provider; a cluster that could not be made has left its logs already.
func (k *kindProvider) collect(c column.Column, folder string) (bool, error) {
	made := k.cluster(c)
	if made == nil {
		return true, nil
	}
	return true, k.provisions.manager.CollectLogs(k.run.ctx, made.Name, folder)
}

func (k *kindProvider) release(c column.Column, log *progress.Log, unsaved error) {
	if unsaved != nil {
		log.Line("the results could not be written, so the cluster is kept: %v", unsaved)
		return
	}
	if made := k.cluster(c); made != nil {
		k.run.tearDown(k.provisions, c, made, log)
	}
}
