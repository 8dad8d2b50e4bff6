{{- define "binder.labels" -}}
app: binder
chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
release: {{ .Release.Name }}
heritage: {{ .Release.Service }}
{{- end }}

{{- define "binder.match" -}}
app: binder
release: {{ .Release.Name }}
{{- end }}

{{- define "binder.image" -}}
{{ .name }}:{{ .tag }}
{{- end }}

{{- define "binder.base" -}}
{{ (.Values.config.BinderHub.base_url | default "/") | trimSuffix "/" }}/
{{- end }}

{{/* The docker.sock of the builder: its directory and its name. */}}
{{- define "binder.socketDir" -}}
{{- if eq .Values.imageBuilderType "host" }}{{ .Values.imageCleaner.host.dockerSocketDir }}
{{- else }}{{ (index .Values .Values.imageBuilderType).hostSocketDir }}{{ end }}
{{- end }}

{{/* What places the builder and the cleaner on the build nodes. */}}
{{- define "binder.onBuildNodes" -}}
tolerations:
  - {key: hub.jupyter.org/dedicated, operator: Equal, value: user, effect: NoSchedule}
  - {key: hub.jupyter.org_dedicated, operator: Equal, value: user, effect: NoSchedule}
  {{- with .Values.tolerations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .Values.config.BinderHub.build_node_selector }}
nodeSelector: {{ toJson . }}
{{- end }}
{{- end }}
