"""kstatus and Argo CD's health of a platform in every phase of its life (`make kstatus`)."""
