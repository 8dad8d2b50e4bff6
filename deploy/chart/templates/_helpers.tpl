{{- define "notebook-platform.labels" -}}
app.kubernetes.io/name: notebook-platform
{{- with .Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* The namespaces that are exact names, as a JSON list: a pattern has one of kopf's special characters. */ -}}
{{- define "notebook-platform.exactNamespaces" -}}
{{- $found := list }}
{{- range .Values.namespaces }}
{{- if not (regexMatch "[*?!,]" .) }}{{ $found = append $found . }}{{ end }}
{{- end }}
{{- $found | toJson }}
{{- end }}

{{- define "notebook-platform.watched" -}}
{{- if eq .Values.rbac.scope "Cluster" }}[]{{ else }}{{ .Values.namespaces | toJson }}{{ end }}
{{- end }}

{{- define "notebook-platform.subjects" -}}
- {kind: ServiceAccount, name: notebook-platform, namespace: {{ .Release.Namespace }}}
{{- end }}

{{- define "notebook-platform.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}
