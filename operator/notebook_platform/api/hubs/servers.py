"""Users' servers: what they are, where they run, and when they end."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from notebook_platform.api.base import ObjectName, SpecModel
from notebook_platform.api.lists import Atomic, MapByName, SetOf

Text = Annotated[str, Field(max_length=4096)]
Label = Annotated[str, Field(max_length=253)]
Purpose = Literal["Prefer", "Require", "Ignore"]


class Amount(SpecModel):
    """What a user's server is promised and may take at most: CPUs as `0.5`, memory as `2G`."""

    guarantee: str | None = Field(None, max_length=16, description="Guaranteed amount.")
    limit: str | None = Field(None, max_length=16, description="Maximum amount.")


class SharedVolume(SpecModel):
    """One volume for all homes, each in a directory of its own."""

    claim: ObjectName = Field(description="PersistentVolumeClaim (ReadWriteMany) in the hub's namespace.")
    sub_path: str = Field(
        "{username}", max_length=256, description="Directory of a user; `{username}` is replaced by the user's name."
    )


class EmptyDir(SpecModel):
    """An empty directory for as long as the server runs."""

    medium: Literal["Disk", "Memory"] = Field(
        "Disk", description="Disk of the node, or memory, which counts towards the server's memory limit."
    )
    size_limit: str | None = Field(None, max_length=16, description="Maximum size, such as `1Gi`.")


class ExtraVolume(SpecModel):
    """A volume that every user's server mounts beside the home. Objects are those in the hub's namespace of the cluster."""

    name: str = Field(min_length=1, max_length=63, description="Name: lower-case letters, digits, hyphens.")
    claim: ObjectName | None = Field(
        None, description="An existing PersistentVolumeClaim (ReadWriteMany or ReadOnlyMany). It counts as users' data."
    )
    config_map: ObjectName | None = Field(None, description="A ConfigMap, a file for each key, read-only.")
    secret: ObjectName | None = Field(None, description="A Secret, a file for each key, read-only. Every user can read it.")
    empty_dir: EmptyDir | None = Field(None, description="An empty directory, for example for /dev/shm.")
    mount_path: str = Field(min_length=1, max_length=256, description="Mount path in the servers, such as `/srv/course`.")
    sub_path: str | None = Field(
        None,
        min_length=1,
        max_length=256,
        description="Directory or key of the volume; `{username}` is replaced by the user's name.",
    )
    read_only: bool = Field(False, description="Mount the volume read-only.")


class Storage(SpecModel):
    """Users' home volumes."""

    type: Literal["dynamic", "static", "none"] = Field(
        "dynamic",
        description="`dynamic`: a volume for each user. `static`: one for all. `none`: homes are lost when a server stops.",
    )
    capacity: str = Field("10Gi", max_length=16, description="Size of a home volume; existing volumes keep theirs.")
    storage_class: ObjectName | None = Field(None, description="StorageClass. Default: the cluster's.")
    mount_path: str | None = Field(None, max_length=256, description="Mount path of the home. Default: /home/jovyan.")
    shared: SharedVolume | None = Field(None, description="The volume of type `static`.")
    keep_on_user_delete: bool = Field(
        True, description="Keep a user's volume when the user is deleted. Charts before 1 always keep it."
    )
    extra_volumes: MapByName[ExtraVolume] = Field(
        default_factory=list,
        max_length=16,
        description="Additional volumes, for all users. singleuser.storage.extraVolumes and extraVolumeMounts in `values` replace them.",
    )

    @property
    def claims(self) -> Sequence[str]:
        """Return the names of the PersistentVolumeClaims that the spec names; they hold data of users."""
        extra = [volume.claim for volume in self.extra_volumes if volume.claim]
        return [self.shared.claim, *extra] if self.shared else extra


class Toleration(SpecModel):
    """A toleration: pods may run on nodes with this taint."""

    key: str = Field(min_length=1, max_length=253, description="Key of the taint.")
    value: str | None = Field(None, max_length=63, description="Value of the taint. Default: any.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        None, description="Effect of the taint. Default: any."
    )


class Shape(SpecModel):
    """What a server is made of, where a profile or a choice says other than spec.jupyterhub.singleUser."""

    image: str | None = Field(None, max_length=512, description="Image with tag or digest.")
    cpu: Amount = Field(default_factory=Amount, description="CPUs.")
    memory: Amount = Field(default_factory=Amount, description="Memory.")
    gpus: int | None = Field(
        None,
        ge=0,
        le=64,
        description="Number of GPUs (nvidia.com/gpu); overrides spec.jupyterhub.singleUser.gpus. 0: none.",
    )
    node_selector: dict[str, Label] = Field(default_factory=dict, max_length=16, description="Required labels of the node.")
    tolerations: Atomic[Toleration] = Field(
        default_factory=list,
        max_length=16,
        description="Additional taints that these servers tolerate. Those of the pools that nodeSelector or gpus select are tolerated anyway.",
    )
    env: dict[str, Text] = Field(
        default_factory=dict,
        max_length=64,
        description="Environment variables, which extend and override spec.jupyterhub.singleUser.env. Not for secrets.",
    )


class Choice(Shape):
    """A choice of an option."""

    name: str = Field(min_length=1, max_length=63, description="Name: lower-case letters, digits, hyphens.")
    display_name: str = Field(min_length=1, max_length=256, description="Name shown to users.")
    default: bool = Field(False, description="Preselect this entry.")


class Option(SpecModel):
    """An option of a profile, from which users select one choice. Needs chart 3."""

    name: str = Field(min_length=1, max_length=63, description="Name: lower-case letters, digits, hyphens.")
    display_name: str = Field(min_length=1, max_length=256, description="Name shown to users.")
    choices: MapByName[Choice] = Field(min_length=1, max_length=10, description="The choices of the option.")


class Profile(Shape):
    """A server profile that users can select when they start a server."""

    name: str = Field(min_length=1, max_length=63, description="Name: lower-case letters, digits, hyphens.")
    display_name: str = Field(min_length=1, max_length=256, description="Name shown to users.")
    description: str | None = Field(None, max_length=1024, description="Description shown to users.")
    default: bool = Field(False, description="Preselect this entry.")
    options: MapByName[Option] = Field(
        default_factory=list, max_length=4, description="Options within the profile. Needs chart 3."
    )


class SingleUser(SpecModel):
    """Users' servers."""

    image: str | None = Field(None, max_length=512, description="Image with tag or digest. Default: the chart's.")
    cpu: Amount = Field(default_factory=Amount, description="CPUs.")
    memory: Amount = Field(default_factory=Amount, description="Memory.")
    gpus: int | None = Field(None, ge=0, le=64, description="Number of GPUs (nvidia.com/gpu).")
    storage: Storage = Field(default_factory=Storage, description="Home volumes.")
    profiles: MapByName[Profile] = Field(
        default_factory=list, max_length=20, description="Server profiles that users can select."
    )
    start_timeout: str = Field(
        "10m", max_length=8, description="Maximum time for a start, including a new node if one is needed."
    )
    default_url: str | None = Field(None, max_length=256, description="Path that opens after the sign-in, such as /lab.")
    env: dict[str, Text] = Field(default_factory=dict, max_length=64, description="Environment variables. Not for secrets.")
    allow_sudo: bool = Field(False, description="Allow sudo in the images. Charts before 2 always allow it.")
    named_servers: int = Field(0, ge=0, le=100, description="Maximum number of named servers of a user.")


class Culling(SpecModel):
    """Idle servers are stopped."""

    enabled: bool = Field(True, description="Stop idle servers.")
    timeout: str = Field("1h", max_length=8, description="Idle time after which a server is stopped, such as `1h`.")
    every: str = Field("10m", max_length=8, description="How often idle servers are checked.")
    max_age: str | None = Field(None, max_length=8, description="Age at which a server is stopped even if it is in use.")
    users: bool = Field(False, description="Delete idle users too. Their homes stay unless keepOnUserDelete is false.")
    admin_users: bool = Field(True, description="With `users`, delete administrators too. Charts before 2 always do.")
    remove_named_servers: bool = Field(False, description="Delete named servers after they are stopped.")


class Placement(SpecModel):
    """On which nodes pods run: those of pools with purpose User or Core (label hub.jupyter.org/node-purpose)."""

    user_pods: Purpose = Field("Prefer", description="Whether users' servers run on pools with purpose User.")
    core_pods: Purpose = Field("Prefer", description="Whether hub, proxy and scheduler run on pools with purpose Core.")
    user_tolerations: Atomic[Toleration] = Field(
        default_factory=list,
        max_length=16,
        description="Additional tolerations of users' servers. They always tolerate the taints of user pools. Needs chart 1.",
    )
    core_tolerations: Atomic[Toleration] = Field(
        default_factory=list, max_length=16, description="Additional tolerations of the hub and the proxy. Needs chart 1."
    )


class Scaling(SpecModel):
    """How nodes fill up, and how many seats are kept free."""

    pack_users: bool = Field(
        True,
        description="Schedule servers on the fullest nodes, so that empty nodes can be removed (user-scheduler). Always off where the "
        "chart's scheduler is too old for the cluster.",
    )
    spare_seats: int = Field(
        0,
        ge=0,
        le=1000,
        description="Number of seats that placeholder pods reserve, so that a server can start without waiting for a new node.",
    )


class PrePull(SpecModel):
    """Images are on the nodes before people need them."""

    on_deploy: bool = Field(True, description="Pull images on all nodes before an upgrade of the hub; the upgrade waits for it.")
    on_new_node: bool = Field(True, description="Pull images on each new node.")
    only_on_changes: bool = Field(True, description="Pull before an upgrade only if images changed. Charts before 1 always pull.")
    profile_images: bool = Field(True, description="Pull the images of profiles too.")
    images: SetOf[Annotated[str, Field(max_length=512)]] = Field(
        default_factory=list, max_length=16, description="Additional images, with tag or digest."
    )
