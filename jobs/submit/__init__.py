"""Hand a study to a cluster: Ray's Jobs API, Slurm, or Kubernetes with KubeRay. One file a target."""
