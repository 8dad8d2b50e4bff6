"""What a user writes and reads: spec, status, conditions, and the CRD made from them. No I/O."""

GROUP = "notebookplatform.io"
VERSION = "v1alpha1"
KIND = "NotebookPlatform"
PLURAL = "notebookplatforms"
FINALIZER = "notebookplatform.io/cloud-resources"
