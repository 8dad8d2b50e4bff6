"""Values of the header Accept that request the metadata of objects alone.

https://kubernetes.io/docs/reference/using-api/api-concepts/#metadata-only-fetches
"""

METADATA_OF_ONE = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_OF_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
