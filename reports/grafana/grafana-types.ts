/** Grafana's own types of a dashboard, with strings where they have enums: a dashboard is JSON and imports nothing. */
import type { AnnotationQuery, Dashboard, Panel, VariableModel } from '@grafana/schema';
import type * as HeatMap from '@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen';
import type * as Stat from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type * as Table from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type * as TimeSeries from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

type Json<T> = T extends string
  ? `${T}`
  : T extends number | boolean | null | undefined
    ? T
    : T extends Array<infer Item>
      ? Array<Json<Item>>
      : T extends object
        ? { [Key in keyof T]: Json<T[Key]> }
        : T;

/** A query to the ClickHouse data source: `format` 0 makes time series of the rows, one per value of a text column; 1 a table. */
export interface Query {
  datasource: { type: string; uid: string };
  editorType: 'sql';
  format: 0 | 1;
  pluginVersion: string;
  queryType: 'timeseries' | 'table';
  rawSql: string;
  refId: string;
}

interface PanelOf<Type extends string, Options, Custom = never>
  extends Omit<Panel, 'options' | 'fieldConfig' | 'targets'> {
  type: Type;
  title: string;
  options: Json<Options>;
  fieldConfig: {
    defaults: Json<Omit<NonNullable<Panel['fieldConfig']>['defaults'], 'custom'>> & { custom?: Partial<Json<Custom>> };
    overrides: Json<NonNullable<Panel['fieldConfig']>['overrides']>;
  };
  targets: Query[];
}

export type TimeSeriesPanel = PanelOf<'timeseries', TimeSeries.Options, TimeSeries.FieldConfig>;
export type HeatMapPanel = PanelOf<'heatmap', HeatMap.Options, HeatMap.FieldConfig>;
export type StatPanel = PanelOf<'stat', Stat.Options>;
export type TablePanel = PanelOf<'table', Table.Options, Table.FieldConfig>;
export type AnyPanel = TimeSeriesPanel | HeatMapPanel | StatPanel | TablePanel;
export type Variable = Json<VariableModel>;
export type Annotation = Json<Omit<AnnotationQuery, 'target'>> & { target: Query };

export interface DashboardFile extends Omit<Json<Dashboard>, 'panels' | 'templating' | 'annotations'> {
  panels: AnyPanel[];
  templating: { list: Variable[] };
  annotations: { list: Annotation[] };
}
